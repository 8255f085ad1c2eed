"""Random policies, filters and questions: nothing that a plain reading of the rules bars leaks."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from contracts.publish_world import table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphdb import SCHEMA
from graphrec import (
    Adjacency,
    Block,
    Filters,
    Licence,
    OwnBlock,
    Policy,
    Recommender,
    write_bundle,
)

SIZES = {
    "User": 25, "Creator": 10, "Product": 50, "Brand": 9, "Shop": 8,
    "Category": 8, "Tag": 4, "Content": 20, "Agency": 3,
}  # fmt: skip
NUM_EDGES = {
    "User-PURCHASED-Product": 60,
    "User-FOLLOWS-Creator": 30,
    "User-WATCHED-Content": 40,
    "Product-MADE_BY-Brand": 45,
    "Product-SOLD_BY-Shop": 60,
    "Shop-RUN_BY-Brand": 5,
    "Product-IN_CATEGORY-Category": 50,
    "Category-CHILD_OF-Category": 6,
    "Product-TAGGED-Tag": 15,
    "Creator-PROMOTES-Product": 20,
    "Creator-PUBLISHED-Content": 20,
    "Content-FEATURES-Product": 20,
    "Creator-MANAGED_BY-Agency": 6,
}
TAKES_WITH_IT = {
    "Brand": ["Product-MADE_BY-Brand", "Shop-RUN_BY-Brand"],
    "Shop": ["Product-SOLD_BY-Shop"],
    "Category": ["Category-CHILD_OF-Category", "Product-IN_CATEGORY-Category"],
    "Tag": ["Product-TAGGED-Tag"],
    "Agency": ["Creator-MANAGED_BY-Agency"],
    "Creator": ["Creator-PUBLISHED-Content"],
}
NOW = datetime(2026, 11, 1, tzinfo=UTC)
WANTED_RESULTS = 100_000
TARGET_NAMES = {"Product": "products", "Brand": "brands", "Category": "categories"}


def name(node_type, row):
    return f"{node_type.lower()}{row:02}"


def names(node_type):
    return [name(node_type, row) for row in range(SIZES[node_type])]


@dataclass(frozen=True)
class Town:
    recommender: Recommender
    pairs: dict[str, set[tuple[str, str]]]

    def with_all_that_belongs(self, node_type, node_ids):
        """{(type, id)}: the nodes and what goes with them, by looking at every pair again."""
        found = {(node_type, node_id) for node_id in node_ids}
        while True:
            more = set()
            for owner_type, owner in found:
                for edge in TAKES_WITH_IT.get(owner_type, ()):
                    source, _, target = edge.split("-")
                    for one, other in self.pairs[edge]:
                        if (target, other) == (owner_type, owner) and owner_type != "Creator":
                            more.add((source, one))
                        if (source, one) == (owner_type, owner) and owner_type == "Creator":
                            more.add((target, other))
            if more <= found:
                return found
            found |= more

    def others(self, edge, product):
        return {other for one, other in self.pairs[edge] if one == product}


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    draw = np.random.default_rng(5)
    pairs, edges = {}, {}
    for edge, number in NUM_EDGES.items():
        source, _, target = edge.split("-")
        rows = draw.integers(0, [SIZES[source], SIZES[target]], (number, 2))
        edge_type = SCHEMA.parse_edge_type(edge)
        if SCHEMA.relation(edge_type.relation).one_target:
            rows = rows[np.unique(rows[:, 0], return_index=True)[1]]
        edges[edge_type] = Adjacency.from_edges(
            rows[:, 0], rows[:, 1], SIZES[source], SIZES[target]
        )
        pairs[edge] = {(name(source, one), name(target, other)) for one, other in rows}
    bundle = write_bundle(
        tmp_path_factory.mktemp("town") / "bundle",
        schema=SCHEMA,
        snapshot_id="town",
        cutoff=None,
        nodes={kind: table(kind, **{SCHEMA.node_type(kind).key: names(kind)}) for kind in SIZES},
        vectors={
            kind: draw.normal(size=(size, 8)).astype(np.float32) for kind, size in SIZES.items()
        },
        edges=edges,
        config={},
        metrics={},
    )
    return Town(Recommender(bundle, clock=lambda: NOW), pairs)


def some(node_type, most=3):
    return st.lists(st.sampled_from(names(node_type)), min_size=1, max_size=most, unique=True)


@st.composite
def times(draw):
    """Over, running, to come, or always."""
    day = timedelta(days=1)
    since, until = draw(
        st.sampled_from([(None, None), (-9, -1), (-1, 1), (1, 9), (None, 1), (-1, None), (None, 0)])
    )
    return {
        "since": None if since is None else NOW + since * day,
        "until": None if until is None else NOW + until * day,
    }


@st.composite
def policies(draw):
    blocks = []
    for _ in range(draw(st.integers(0, 4))):
        node_type = draw(st.sampled_from(sorted(SIZES)))
        blocks.append(
            Block(
                type=node_type,
                ids=draw(some(node_type)),
                reason="BANNED",
                scope=draw(st.sampled_from([(), (), ("User",), ("Creator", "Brand")])),
                **draw(times()),
            )
        )
    licences = []
    for _ in range(draw(st.integers(0, 2))):
        kinds = draw(
            st.lists(
                st.sampled_from(["Shop", "Brand", "Creator"]), min_size=1, max_size=2, unique=True
            )
        )
        holders = {kind: draw(some(kind, 6)) for kind in kinds}
        licences.append(
            Licence(categories=draw(some("Category")), holders=holders, **draw(times()))
        )
    own = []
    for _ in range(draw(st.integers(0, 6))):
        node_type = draw(st.sampled_from(["Brand", "Creator", "Product", "Tag", "Content"]))
        user = draw(st.sampled_from(names("User")))
        own.append(OwnBlock(user=user, type=node_type, ids=draw(some(node_type))))
    return Policy(version="1", blocks=blocks, licences=licences, own_blocks=own)


@st.composite
def filters(draw, target):
    if target != "Product" or draw(st.booleans()):
        return None
    return Filters(
        categories=draw(st.just(()) | some("Category")), shops=draw(st.just(()) | some("Shop", 6))
    )


def running(rule):
    return (rule.since is None or rule.since <= NOW) and (rule.until is None or rule.until > NOW)


class Oracle:
    """What must not come out, worked out rule by rule from sets of pairs."""

    def __init__(self, town, policy):
        self.excluded_by_scope = [
            (block.scope, town.with_all_that_belongs(block.type, block.ids))
            for block in policy.blocks
            if running(block)
        ]
        self.excluded_pairs = set()
        for licence in filter(running, policy.licences):
            self.add_licence(town, licence)
        self.own = defaultdict(set)
        for rule in policy.own_blocks:
            self.own[rule.user] |= town.with_all_that_belongs(rule.type, rule.ids)

    def add_licence(self, town, licence):
        products = town.with_all_that_belongs("Category", licence.categories)
        for seller, edge in (("Shop", "Product-SOLD_BY-Shop"), ("Brand", "Product-MADE_BY-Brand")):
            if seller in licence.holders:
                held = set(licence.holders[seller])
                for kind, product in products:
                    sellers = town.others(edge, product)
                    if kind == "Product" and not (sellers and sellers <= held):
                        self.excluded_by_scope.append(((), {(kind, product)}))
        for creator in names("Creator"):
            if creator not in licence.holders.get("Creator", names("Creator")):
                for node in products:
                    self.excluded_pairs |= {
                        (("Creator", creator), node),
                        (node, ("Creator", creator)),
                    }

    def bars(self, seed, target):
        query_type, query_id = seed
        return (
            any(
                target in nodes and (not scope or query_type is None or query_type in scope)
                for scope, nodes in self.excluded_by_scope
            )
            or (seed, target) in self.excluded_pairs
            or (query_type == "User" and target in self.own[query_id])
            or (target[0] == "User" and seed in self.own[target[1]])
        )


def answers(recommender, target, chosen):
    """Every query node and every kind of question that can bring the target type out."""
    for query_type in SIZES:
        found = recommender.recommend_many(
            query_type, names(query_type), target, k=60, filters=chosen, exclude_seen=False
        )
        yield from (((query_type, answer.query_id), answer) for answer in found)
    for node_id in names(target)[:5]:
        yield (target, node_id), recommender.similar(target, node_id, k=60, filters=chosen)
    vector = recommender.bundle.vectors("User")[0]
    yield (None, None), recommender.recommend_vector(vector, target, k=60, filters=chosen)


def further_answers(recommender, target):
    """Questions that do not rank all targets; what comes out must be allowed all the same."""
    if target not in ("User", "Agency"):
        popular = recommender.recommend("User", "visitor", target, k=60, on_unknown="popular")
        yield (None, None), popular
    if target == "Product":
        for user in names("User")[:4]:
            yield (
                ("User", user),
                recommender.products_for_user(
                    user, k=20, max_per_brand=2, diversity=0.3, new_item_share=0
                ),
            )
    if target in ("Product", "Brand", "Category"):
        yield (
            (None, None),
            recommender.recommend_for_events(
                [("PURCHASED", "product01"), ("PURCHASED", "product02")], target, k=60
            ),
        )
        for creator in names("Creator"):
            ask = getattr(recommender, f"{TARGET_NAMES[target]}_for_creator")
            yield ("Creator", creator), ask(creator, k=60)
    if target == "Creator":
        for brand, product in zip(names("Brand"), names("Product"), strict=False):
            yield ("Brand", brand), recommender.creators_for_brand(brand, k=60)
            yield ("Product", product), recommender.creators_for_product(product, k=60)
            portfolio = recommender.creator_portfolio(brand, k=3)
            yield ("Brand", brand), [pick.creator for pick in portfolio.picks]
    if target == "User":
        yield (None, None), recommender.users_like(["user00", "user01"], k=60)
        for brand, product in zip(names("Brand"), names("Product"), strict=False):
            yield ("Brand", brand), recommender.users_for_brand(brand, k=60)
            yield ("Product", product), recommender.users_for_product(product, k=60)


@pytest.mark.slow
def test_nothing_leaks(town):
    num_results = num_excluded = 0

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data(), policies(), st.sampled_from(sorted(SIZES)))
    def check(data, policy, target):
        nonlocal num_results, num_excluded
        chosen = data.draw(filters(target))
        town.recommender.set_policy(None)
        asked = town.recommender.recommend(
            "User", "user00", target, k=60, filters=chosen, exclude_seen=False
        )
        passing = set(asked.ids) | ({"user00"} if target == "User" else set())
        town.recommender.set_policy(policy)
        oracle = Oracle(town, policy)
        for seed, answer in further_answers(town.recommender, target):
            num_results += len(answer)
            leaked = [item.id for item in answer if oracle.bars(seed, (target, item.id))]
            assert leaked == [], (seed, target)
        for seed, answer in answers(town.recommender, target, chosen):
            num_results += len(answer)
            leaked = [node_id for node_id in answer.ids if oracle.bars(seed, (target, node_id))]
            assert leaked == [], (seed, target)
            # And nothing is lost: what neither rule nor filter bars comes out.
            free = {one for one in passing - {seed[1]} if not oracle.bars(seed, (target, one))}
            assert set(answer.ids) - {seed[1]} == free
            num_excluded += len(passing) - len(free)

    check()
    assert num_results >= WANTED_RESULTS
    assert num_excluded > 1_000, "the rules drawn bar something"
