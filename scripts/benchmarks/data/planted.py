"""Worlds without times in which every user has a planted taste, dense or sparse."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.data.base import DataSet, Rows, Split, asked_for, graph_of
from graphdb import SCHEMA
from graphrec.bundle import Adjacency

PURCHASED = SCHEMA.edge_type("PURCHASED")
NUM_TASTES = 24
HELD_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Planted:
    """How many users and products there are, and how many pairs are drawn."""

    num_users: int
    num_products: int
    num_pairs: int

    def read(self, _folder: Path, validate: bool) -> Split:
        """Draws pairs; a fifth of them is to be found, of another world with `validate`."""
        draw = np.random.default_rng(1 + validate)
        pairs = self._drawn(draw)
        held = draw.random(pairs.shape[1]) < HELD_SHARE
        shape = self.num_users, self.num_products
        taken, truth = (Adjacency.from_edges(*pairs[:, part], *shape) for part in (~held, held))
        graph = graph_of({"User": shape[0], "Product": shape[1]}, {PURCHASED: pairs[:, ~held]})
        return asked_for(graph, PURCHASED, taken, truth)

    def _drawn(self, draw: np.random.Generator) -> Rows:
        """Each user takes products by taste, popularity and chance; some take far more than others.

        Taking the best of scores with Gumbel noise draws without replacement from their softmax.
        """
        users = draw.normal(0, 3 / np.sqrt(NUM_TASTES), (self.num_users, NUM_TASTES))
        products = draw.normal(size=(self.num_products, NUM_TASTES))
        popularity = draw.normal(size=self.num_products)
        activity = draw.lognormal(0, 0.7, self.num_users)
        numbers = np.rint(activity / activity.sum() * self.num_pairs).astype(np.int64) + 3
        numbers = np.minimum(numbers, self.num_products // 2)
        taken = []
        for taste, number in zip(users, numbers, strict=True):
            scores = taste @ products.T + popularity + draw.gumbel(size=self.num_products)
            taken.append(np.argpartition(-scores, number)[:number])
        return np.stack([np.repeat(np.arange(self.num_users), numbers), np.concatenate(taken)])


DENSE = DataSet("dense", PURCHASED, 20, Planted(6_000, 3_000, 800_000).read)
SPARSE = DataSet("sparse", PURCHASED, 20, Planted(20_000, 8_000, 160_000).read)
