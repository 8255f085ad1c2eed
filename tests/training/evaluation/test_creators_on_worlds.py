"""Creators of synthetic worlds, whose followers' tastes are planted: asked as they are served.

The worlds have a creator without followers who carries a few products; by the target edge type of
the whole vector such a one was first for 36 of 40 brands of the world of seed 2.
"""

from datetime import timedelta

import numpy as np
import pytest

from graphdb import open_store, write_snapshot
from graphdb.ingestion import ingest
from graphdb.schema import SCHEMA
from graphdb.sources.opening import arrow_tables
from graphdb.sources.synthetic import WorldConfig, generate_world
from graphrec import Adjacency
from training.config import TrainConfig
from training.data import load_graph
from training.evaluation.backtest import train_backtest_model
from training.evaluation.baselines import (
    CATEGORY_SELLERS,
    OF_CREATORS,
    POPULARITY,
    SELLERS,
    baseline,
)
from training.evaluation.creators import OF_BRAND, OF_PRODUCT, TO_CREATOR, creator_tasks
from training.evaluation.metrics import recall_at_k
from training.evaluation.run import BUYING
from training.models import Run
from training.pairs import adjacency
from training.splitting.split import hold_out_last

FOLLOWS = SCHEMA.edge_type("FOLLOWS", target="Creator")
BEST, FEWEST_FOLLOWERS = 3, 5


class Town:
    """A world, a model of all but its last weeks, and what its creators' followers like."""

    def __init__(self, seed, folder):
        world = generate_world(WorldConfig(num_edges=50_000, seed=seed))
        store = open_store(str(folder / "store.duckdb"))
        ingest(arrow_tables(world.nodes, "world") + arrow_tables(world.edges, "world"), store)
        snapshot = write_snapshot(store, folder / "snapshot")
        store.close()
        graph = load_graph(snapshot)
        holdout = hold_out_last(graph, BUYING[0], 28)
        past = holdout.train_graph
        self.model = train_backtest_model(folder / "past", snapshot, holdout, TrainConfig(), Run())
        found = creator_tasks(graph, past, holdout.cutoff_s, SCHEMA)
        self.tasks = {task.name: task for task in found}
        self.followers = adjacency(past, FOLLOWS).reverse()
        self.brands = world.truth.brands
        self.liking = {
            OF_PRODUCT: world.truth.liking_of_products(),
            OF_BRAND: world.truth.liking_of_brands(),
        }

    def best_creators(self, name):
        """Per product or brand the creators whose followers like it most, of those left."""
        task, liking = self.tasks[name], self.liking[name]
        pairs = []
        for row in range(task.truth.num_sources):
            fit = [
                (-liking[self.followers.targets(creator), row].mean(), creator)
                for creator in np.flatnonzero(self.followers.degrees() >= FEWEST_FOLLOWERS)
                if creator not in task.target.seen.targets(row)
            ]
            pairs += [(row, creator) for value, creator in sorted(fit)[:BEST] if value < 0]
        rows, creators = np.array(pairs).T
        return Adjacency.from_edges(rows, creators, task.truth.num_sources, task.truth.num_targets)

    def created(self, ids):
        bundle = self.model.recommender.bundle
        table = bundle.attributes("Creator")
        moments = dict(
            zip(bundle.ids("Creator").to_pylist(), table["created_at"].to_pylist(), strict=True)
        )
        return bundle.manifest.cutoff, {one: moments[one] for one in ids}


@pytest.fixture(scope="module", params=[2, 26])
def town(request, tmp_path_factory):
    return Town(request.param, tmp_path_factory.mktemp("town"))


@pytest.mark.parametrize("name", [OF_PRODUCT, OF_BRAND])
def test_whose_followers_like_it_best_is_found_more_often_than_by_plain_rules(town, name):
    task, truth = town.tasks[name], town.best_creators(name)
    queries = np.flatnonzero(truth.degrees())
    models = [town.model, *(baseline(rule, 0) for rule in OF_CREATORS)]
    found = [recall_at_k(model.top(task, queries, 5), queries, truth, 5) for model in models]
    assert found[0] > 1.1 * max(found[1:]), found


def test_creators_are_offered_what_followers_like_more_than_by_plain_rules(town):
    """How much followers like the first five, over the five that they like most of those left.

    Of brands that is not so: the best-selling ones are liked more (docs/evaluation.md).
    """
    task = town.tasks[TO_CREATOR["Product"]]
    liking = town.liking[OF_PRODUCT]
    creators = np.flatnonzero(town.followers.degrees() >= FEWEST_FOLLOWERS)
    wanted = np.stack([liking[town.followers.targets(row)].mean(axis=0) for row in creators])
    for place, row in enumerate(creators):
        wanted[place, task.target.seen.targets(row)] = 0
    best = np.sort(wanted, axis=1)[:, -5:].sum(axis=1)
    models = [town.model, *(baseline(rule, 0) for rule in (SELLERS, CATEGORY_SELLERS, POPULARITY))]
    shares = []
    for model in models:
        model.learn(task.target)
        rows = model.top(task, creators, 5)
        liked = np.where(rows >= 0, np.take_along_axis(wanted, rows, axis=1), 0).sum(axis=1)
        shares.append((liked[best > 0] / best[best > 0]).mean())
    assert shares[0] > 1.1 * max(shares[1:]), shares


def test_rows_for_creators_are_what_the_question_answers(town):
    ask, bundle = town.model.recommender, town.model.recommender.bundle
    (creator,) = np.argsort(-town.followers.degrees())[:1].tolist()
    for question, target_type in (
        (ask.products_for_creator, "Product"),
        (ask.brands_for_creator, "Brand"),
        (ask.categories_for_creator, "Category"),
    ):
        rows, scores = ask.for_creator_rows(np.array([creator]), target_type, k=4)
        answer = question(bundle.id_of("Creator", creator), k=4)
        assert [bundle.id_of(target_type, row) for row in rows[0]] == list(answer.ids)
        assert scores[0].tolist() == pytest.approx([item.score for item in answer])


@pytest.mark.parametrize("name", [OF_PRODUCT, OF_BRAND])
def test_creators_without_followers_have_no_more_first_places_than_their_share(town, name):
    task = town.tasks[name]
    first = town.model.top(task, np.arange(task.truth.num_sources), 1)[:, 0]
    alone = town.followers.degrees() == 0
    assert alone.any()
    assert alone[first[first >= 0]].mean() <= alone.mean()


def test_new_creators_have_their_places_by_a_share(town):
    """Who has few followers is low by score, and first all the same where places are reserved."""
    ask, bundle = town.model.recommender, town.model.recommender.bundle
    brand = bundle.id_of("Brand", 0)
    everyone = ask.creators_for_brand(brand, k=100).ids
    followers = {one: town.followers.degrees()[bundle.row_of("Creator", one)] for one in everyone}
    cutoff, created = town.created(everyone)
    new = {one for one in everyone if cutoff - created[one] <= timedelta(days=90)}
    assert new and max(followers[one] for one in new) < np.median(list(followers.values()))
    first = ask.creators_for_brand(brand, k=1, new_item_share=1.0, new_item_days=90).ids
    assert first == tuple(one for one in everyone if one in new)[:1]


@pytest.mark.parametrize("node_type", ["Brand", "Shop", "Category"])
def test_not_everything_is_like_the_longest_one(town, node_type):
    """By plain directions one brand was the most similar to nine of ten others."""
    ask, bundle = town.model.recommender, town.model.recommender.bundle
    known = np.flatnonzero(bundle.vectors(node_type).any(axis=1))
    ids = [bundle.id_of(node_type, row) for row in known]
    first = [ask.similar(node_type, one, k=1).ids[0] for one in ids]
    assert max(map(first.count, first)) < len(ids) / 4


def test_similar_brands_share_what_is_planted(town):
    """Department, price level and style; at random, half of one is shared."""
    ask, bundle, brands = town.model.recommender, town.model.recommender.bundle, town.brands
    traits = np.stack([brands.department, brands.level, brands.style])
    shared = (traits[:, :, None] == traits[:, None]).sum(axis=0)
    known = np.flatnonzero(bundle.vectors("Brand").any(axis=1))
    found = []
    for row in known:
        similar = ask.similar_brands(bundle.id_of("Brand", row), k=5).ids
        found.append(shared[row, [bundle.row_of("Brand", one) for one in similar]].mean())
    at_random = (shared[np.ix_(known, known)].sum() - 3 * len(known)) / (
        len(known) * (len(known) - 1)
    )
    assert np.mean(found) > 1.5 * at_random
