"""The data sets that accuracy is measured on, each as a graph to learn from and pairs to find."""

from bench_data.amazon_beauty import AMAZON_BEAUTY
from bench_data.base import DataSet, Published, Split
from bench_data.pairs import GOWALLA, YELP2018

DATASETS = {one.name: one for one in (GOWALLA, YELP2018, AMAZON_BEAUTY)}

__all__ = ["DATASETS", "DataSet", "Published", "Split"]
