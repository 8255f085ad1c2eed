"""The data sets that accuracy is measured on, each as a graph to learn from and pairs to find."""

from benchmarks.data.amazon_beauty import AMAZON_BEAUTY
from benchmarks.data.base import DataSet, EvalTask, Published, Split
from benchmarks.data.beibei import BEIBEI_GROUPBUY
from benchmarks.data.kuairand import KUAIRAND_PURE
from benchmarks.data.pairs import GOWALLA, YELP2018

DATASETS = {
    one.name: one for one in (GOWALLA, YELP2018, AMAZON_BEAUTY, KUAIRAND_PURE, BEIBEI_GROUPBUY)
}

__all__ = ["DATASETS", "DataSet", "EvalTask", "Published", "Split"]
