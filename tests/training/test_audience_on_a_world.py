"""Creators and followers of a synthetic world, where what everyone likes is planted.

The SVD learns from purchases; what followers want, it is never told.
"""

import numpy as np
import pytest

from graphdb import open_store, write_snapshot
from graphdb.ingestion import ingest
from graphdb.schema import SCHEMA
from graphdb.sources.opening import arrow_tables
from graphdb.sources.synthetic import WorldConfig, generate_world
from graphrec import Recommender
from training.bundling import Learned, bundle_up
from training.data import load_graph
from training.encoders import SvdConfig, SvdEncoder
from training.pairs import adjacency

FOLLOWS = SCHEMA.edge_type("FOLLOWS", target="Creator")


class Market:
    """A world, what was learned from it, and what is true of it."""

    def __init__(self, folder):
        world = generate_world(
            WorldConfig(num_edges=60_000, seed=11, num_creators=80, num_contents=400)
        )
        store = open_store(str(folder / "store.duckdb"))
        ingest(arrow_tables(world.nodes, "world") + arrow_tables(world.edges, "world"), store)
        snapshot = write_snapshot(store, folder / "snapshot")
        store.close()
        graph = load_graph(snapshot)
        target_edge_type = SCHEMA.edge_type("PURCHASED")
        vectors = SvdEncoder(SCHEMA, target_edge_type, SvdConfig(dim=64)).fit(graph)
        self.recommender = Recommender(
            bundle_up(
                folder / "bundle",
                snapshot,
                graph,
                Learned(vectors),
                cutoff=None,
                config={},
                metrics={},
            )
        )
        self.truth = world.truth
        self.followers = adjacency(graph, FOLLOWS).reverse()
        self.creators = [
            row
            for row in range(self.followers.num_sources)
            if len(self.followers.targets(row)) > 4 and vectors["Creator"][row].any()
        ]

    def of_followers(self, values):
        """The mean over a creator's followers, [num_creators, ...]; 0 without any."""
        return np.stack(
            [
                values[followers].mean(axis=0) if len(followers) else np.zeros(values.shape[1])
                for followers in map(self.followers.targets, range(self.followers.num_sources))
            ]
        )

    def rows(self, answer):
        return [self.recommender.bundle.row_of(answer.target_type, one) for one in answer.ids]


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return Market(tmp_path_factory.mktemp("market"))


def test_creators_are_offered_what_their_followers_want(market):
    recommender, want = market.recommender, market.of_followers(market.truth.liking_of_products())
    found, alone, chance = [], [], []
    for creator in market.creators:
        creator_id = recommender.bundle.id_of("Creator", creator)
        blended = recommender.products_for_creator(creator_id)
        own, _ = recommender.top_rows("Creator", [creator], "Product", k=10)
        found.append(want[creator][market.rows(blended)].mean())
        alone.append(want[creator][own[0]].mean())
        chance.append(want[creator].mean())
    assert np.mean(found) > 1.3 * np.mean(alone)
    assert np.mean(found) > 2 * np.mean(chance)


def test_products_are_given_to_creators_whose_followers_want_them(market):
    recommender, want = market.recommender, market.of_followers(market.truth.liking_of_products())
    found, alone, chance = [], [], []
    for product in range(0, want.shape[1], 5):
        product_id = recommender.bundle.id_of("Product", product)
        if not recommender.bundle.vectors("Product")[product].any():
            continue  # it was not bought yet
        blended = recommender.creators_for_product(product_id, k=5)
        own, _ = recommender.top_rows("Product", [product], "Creator", k=5)
        found.append(want[market.rows(blended), product].mean())
        alone.append(want[own[0], product].mean())
        chance.append(want[market.creators, product].mean())
    assert np.mean(found) > 1.3 * np.mean(alone)
    assert np.mean(found) > 1.5 * np.mean(chance)


def test_a_portfolio_finds_more_of_a_brand_s_audience_than_the_nearest(market):
    """Counted are followers of any chosen creator whose planted favourite the brand is."""
    recommender, truth = market.recommender, market.truth
    found, nearest = [], []
    for brand in range(truth.config.sizes.brands):
        brand_id = recommender.bundle.id_of("Brand", brand)
        if not recommender.bundle.vectors("Brand")[brand].any():
            continue  # nothing of it was bought yet
        audience = truth.brand_audience(brand)
        chosen = recommender.creator_portfolio(brand_id, k=4, exclude_seen=False)
        near = recommender.creators_for_brand(brand_id, k=4, exclude_seen=False)
        for into, ids in ((found, chosen.ids), (nearest, near.ids)):
            rows = [recommender.bundle.row_of("Creator", one) for one in ids]
            into.append(len(np.intersect1d(market.followers.gather(np.array(rows)), audience)))
    assert np.mean(found) > np.mean(nearest)
