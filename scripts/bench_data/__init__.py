"""The data sets that accuracy is measured on, each as a graph to learn from and pairs to find."""

from bench_data.amazon_beauty import AMAZON_BEAUTY
from bench_data.base import DataSet, EvalTask, Published, Split
from bench_data.beibei import BEIBEI_GROUPBUY
from bench_data.kuairand import KUAIRAND_PURE
from bench_data.pairs import GOWALLA, YELP2018

DATASETS = {
    one.name: one for one in (GOWALLA, YELP2018, AMAZON_BEAUTY, KUAIRAND_PURE, BEIBEI_GROUPBUY)
}

__all__ = ["DATASETS", "DataSet", "EvalTask", "Published", "Split"]
