"""Every query on random worlds against plain Python: sets for seen and filters, then sorting."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb.schema import SCHEMA
from graphdb.schema_types import EdgeType
from graphrec import Adjacency, Filters, Recommender, write_bundle

TYPES = ("User", "Product", "Brand", "Category")
ENDS = {
    "PURCHASED": ("User", "Product"),
    "MADE_BY": ("Product", "Brand"),
    "IN_CATEGORY": ("Product", "Category"),
    "CHILD_OF": ("Category", "Category"),
}


BY_LIKENESS = {("Product", "User"), ("Brand", "User")}
"""Where `recommend` ranks by similarity to buyers, and `top_rows` alone by dot products."""


@dataclass(frozen=True)
class World:
    sizes: dict[str, int]
    vectors: dict[str, list[list[int]]]
    edges: dict[str, set[tuple[int, int]]]
    prices: list[float | None]


@dataclass(frozen=True)
class Question:
    query_type: str
    target_type: str
    k: int
    exclude_seen: bool
    filters: dict[str, object]


@st.composite
def worlds(draw):
    sizes = {name: draw(st.integers(1, 6)) for name in TYPES}
    vectors = {
        name: draw(
            st.lists(
                st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=size, max_size=size
            )
        )
        for name, size in sizes.items()
    }
    edges = {
        relation: draw(
            st.sets(
                st.tuples(st.integers(0, sizes[source] - 1), st.integers(0, sizes[target] - 1)),
                max_size=12,
            )
        )
        for relation, (source, target) in ENDS.items()
    }
    price = st.none() | st.sampled_from([0.0, 1.0, 2.5, 4.0])
    size = sizes["Product"]
    return World(sizes, vectors, edges, draw(st.lists(price, min_size=size, max_size=size)))


@st.composite
def questions(draw, world):
    target_type = draw(st.sampled_from(TYPES))
    filters: dict[str, object] = {}
    if target_type in ("Product", "Brand"):
        filters["brands"] = draw(some_ids(world, "Brand"))
    if target_type == "Product":
        filters["categories"] = draw(some_ids(world, "Category"))
        low, high = draw(st.sampled_from([(None, None), (1.0, None), (None, 2.5), (0.0, 1.0)]))
        filters |= {"price_min": low, "price_max": high}
    return Question(
        draw(st.sampled_from(TYPES)),
        target_type,
        draw(st.integers(1, 8)),
        draw(st.booleans()),
        filters,
    )


def some_ids(world, node_type):
    rows = st.integers(0, world.sizes[node_type] - 1)
    return st.none() | st.lists(rows.map(str), max_size=2).map(tuple)  # an empty list: nothing


def open_world(world, folder, make_node_table):
    nodes = {name: {str(row): {} for row in range(size)} for name, size in world.sizes.items()}
    for row, price in enumerate(world.prices):
        nodes["Product"][str(row)] = {"price": price}
    edges = {}
    for relation, (source, target) in ENDS.items():
        pairs = np.array(sorted(world.edges[relation]), dtype=np.int64).reshape(-1, 2)
        edges[EdgeType(source, relation, target)] = Adjacency.from_edges(
            pairs[:, 0], pairs[:, 1], world.sizes[source], world.sizes[target]
        )
    write_bundle(
        folder,
        schema=SCHEMA,
        snapshot_id="random",
        cutoff=None,
        nodes={name: make_node_table(name, rows) for name, rows in nodes.items()},
        vectors={name: np.array(rows, dtype=np.float32) for name, rows in world.vectors.items()},
        edges=edges,
        config={},
        metrics={},
    )
    return Recommender.open(folder)


def had(world, query_type, target_type, seed):
    """What a query node has seen, straight from the definition."""
    bought, made_by, in_category, child_of = (
        world.edges[name] for name in ("PURCHASED", "MADE_BY", "IN_CATEGORY", "CHILD_OF")
    )
    bought_in = {(u, c) for u, p in bought for q, c in in_category if p == q}
    pairs = {
        ("User", "Product"): bought,
        ("User", "Brand"): {(u, b) for u, p in bought for q, b in made_by if p == q},
        ("User", "Category"): bought_in
        | {(u, above) for u, c in bought_in for above in ancestors(child_of, c)},
    }
    pairs |= {
        (target, source): {(there, here) for here, there in pairs[source, target]}
        for source, target in [("User", "Product"), ("User", "Brand")]
    }
    return {there for here, there in pairs.get((query_type, target_type), ()) if here == seed}


def passes(world, target_type, row, filters):
    if target_type == "Brand":
        return filters["brands"] is None or str(row) in filters["brands"]
    if target_type != "Product":
        return True
    brands = {str(brand) for product, brand in world.edges["MADE_BY"] if product == row}
    if filters["brands"] is not None and not brands & set(filters["brands"]):
        return False
    categories = {category for product, category in world.edges["IN_CATEGORY"] if product == row}
    above = categories | {
        parent for child in categories for parent in ancestors(world.edges["CHILD_OF"], child)
    }
    wanted = filters["categories"]
    if wanted is not None and not {str(one) for one in above} & set(wanted):
        return False
    low, high, price = filters["price_min"], filters["price_max"], world.prices[row]
    if low is None and high is None:
        return True
    return price is not None and (low is None or price >= low) and (high is None or price <= high)


def ancestors(child_of, category):
    found, frontier = set(), {category}
    while frontier:
        frontier = {parent for child, parent in child_of if child in frontier} - found
        found |= frontier
    return found


def oracle(world, question, seed):
    vector = world.vectors[question.query_type][seed]
    if not any(vector):
        return []
    banned = had(world, question.query_type, question.target_type, seed)
    banned = banned if question.exclude_seen else set()
    scored = [
        (-sum(mine * theirs for mine, theirs in zip(vector, other, strict=True)), row)
        for row, other in enumerate(world.vectors[question.target_type])
        if row not in banned
        and not (question.query_type == question.target_type and row == seed)
        and passes(world, question.target_type, row, question.filters)
    ]
    return [(str(row), -score) for score, row in sorted(scored)[: question.k]]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_recommend_equals_the_oracle(make_node_table, data):
    world = data.draw(worlds())
    with tempfile.TemporaryDirectory() as folder:
        recommender = open_world(world, Path(folder) / "b", make_node_table)
        for _ in range(6):
            question = data.draw(questions(world))
            options = {
                "k": question.k,
                "exclude_seen": question.exclude_seen,
                "levels": "all",
                "filters": Filters(**question.filters),
            }
            ends = (question.query_type, question.target_type)
            queries = np.arange(world.sizes[question.query_type])
            rows, scores = recommender.top_rows(ends[0], queries, ends[1], **options)
            for seed in queries:
                expected = oracle(world, question, seed)
                found = [
                    (str(row), score)
                    for row, score in zip(rows[seed], scores[seed], strict=True)
                    if row >= 0
                ]
                assert found == expected
                if any(world.vectors[ends[0]][seed]) and ends not in BY_LIKENESS:
                    answer = recommender.recommend(ends[0], str(seed), ends[1], **options)
                    assert [(item.id, item.score) for item in answer] == expected


def measured(users, products):
    """Users by how their scores for products differ from the mean's, as `Directions` says."""
    known = users.any(axis=1)
    if not known.any():
        return users
    away = users - users[known].mean(axis=0)
    covariance = away[known].T @ away[known] / known.sum()
    root = square_root(products.T @ products / len(products))
    varied = root @ covariance @ root
    ridge = 3 * np.trace(varied) / 2
    if ridge < 1e-12:
        return np.zeros_like(users)
    telling = root @ np.linalg.inv(varied + ridge * np.eye(2)) @ root
    return np.where(known[:, None], away @ square_root(telling), 0)


def apart(vectors):
    """Groups of products by how their directions differ from the mean one, short ones less."""
    lengths = {row: np.linalg.norm(one) for row, one in enumerate(vectors) if one.any()}
    if not lengths:
        return vectors
    mean = sum(vectors[row] / length for row, length in lengths.items()) / len(lengths)
    typical = np.median(list(lengths.values()))
    found = np.zeros_like(vectors)
    for row, length in lengths.items():
        found[row] = (vectors[row] / length - 0.99 * mean) * length / (length + typical)
    return found


def square_root(matrix):
    values, axes = np.linalg.eigh(matrix)
    return axes * np.sqrt(np.maximum(values, 0)) @ axes.T


@settings(max_examples=25, deadline=None)
@given(worlds(), st.sampled_from(TYPES), st.integers(1, 7))
def test_similar_equals_the_oracle(make_node_table, world, node_type, k):
    vectors = np.array(world.vectors[node_type], dtype=np.float64)
    if node_type == "User":
        vectors = measured(vectors, np.array(world.vectors["Product"], dtype=np.float64))
    if node_type in ("Brand", "Category"):
        vectors = apart(vectors)
    known = np.flatnonzero(np.abs(vectors).max(axis=1, initial=0) > 1e-6)
    with tempfile.TemporaryDirectory() as folder:
        recommender = open_world(world, Path(folder) / "b", make_node_table)
        for seed in known:
            answer = recommender.similar(node_type, str(seed), k=k, levels="all")
            others = [row for row in known if row != seed]
            norms = np.linalg.norm(vectors, axis=1)
            cosine_scales = norms + np.median(norms[known])
            cosine = {
                str(row): vectors[row] @ vectors[seed] / cosine_scales[row] / cosine_scales[seed]
                for row in others
            }
            assert len(answer) == min(k, len(others))
            assert len(set(answer.ids)) == len(answer)
            best = sorted(cosine.values(), reverse=True)[: len(answer)]
            close = 1e-12 if node_type == "Product" else 1e-5  # others are placed in float32
            assert [item.score for item in answer] == pytest.approx(best, abs=close)
            assert [cosine[item.id] for item in answer] == pytest.approx(best, abs=close)
