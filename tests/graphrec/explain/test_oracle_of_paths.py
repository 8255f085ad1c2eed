"""Against a slow search that follows every path by itself, on random graphs."""

import random
import shutil
import tempfile
from collections import Counter, defaultdict
from itertools import groupby, pairwise
from math import sqrt
from pathlib import Path

import pytest
from contracts.explain_world import bundle_of, nodes_of, pairs_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphdb.schema import SCHEMA
from graphrec.explain import explain

WEIGHTS = {"PURCHASED": 1.0, "VIEWED": 0.2, "FOLLOWS": 0.4}
RELATIONS = {
    "User-PURCHASED-Product": ("uv", "pqrs"),
    "User-VIEWED-Product": ("uv", "pqrs"),
    "User-RETURNED-Product": ("uv", "pqrs"),
    "User-FOLLOWS-Brand": ("uv", "bc"),
    "Product-MADE_BY-Brand": ("pqrs", "bc"),
    "Product-SOLD_BY-Shop": ("pqrs", "m"),
    "Shop-RUN_BY-Brand": ("m", "bc"),
    "Product-ALSO_BOUGHT-Product": ("pqrs", "pqrs"),
}


@st.composite
def graphs(draw):
    """Edges of every relation between a handful of nodes; ends not connected are there as well."""
    edges = {}
    for name, (sources, targets) in RELATIONS.items():
        pairs = [(s, t) for s in sources for t in targets if s != t]
        if SCHEMA.relation(name.split("-")[1]).one_target:
            chosen = [(s, draw(st.sampled_from(targets))) for s in draw(subset(sources))]
        else:
            chosen = draw(subset(pairs))
        edges[name] = " ".join(f"{source}-{target}" for source, target in chosen)
    edges["User-RATED-Product"] = "u-p v-q u-r v-s"
    edges["User-WATCHED-Content"] = ""
    return edges


def subset(values):
    return st.lists(st.sampled_from(list(values)), unique=True, max_size=9)


class Oracle:
    """Every pair's neighbors as plain dictionaries, and all paths by recursion."""

    def __init__(self, edges):
        self.types = {i: node_type for node_type, ids in nodes_of(edges).items() for i in ids}
        pairs = {name.split("-")[1]: pairs_of(text) for name, text in edges.items()}
        refused = {frozenset(pair) for pair in pairs["RETURNED"]}
        self.edges = defaultdict(float)
        self.brands = {frozenset(pair) for pair in [*pairs["MADE_BY"], *pairs["RUN_BY"]]}
        for relation, ends in pairs.items():
            if relation in ("RETURNED", "RATED"):
                continue
            out = Counter(source for source, _ in ends)
            into = Counter(target for _, target in ends)
            for source, target in ends:
                if frozenset((source, target)) not in refused:
                    strength = WEIGHTS.get(relation, 1.0) / sqrt(out[source] * into[target])
                    self.edges[frozenset((source, target))] += strength
        self.near = defaultdict(set)
        for edge in self.edges:
            for one, other in (tuple(edge), tuple(edge)[::-1]):
                self.near[one].add(other)

    def groups(self, seed, target, max_hops):
        """Per kind of the shortest length: types, and per path its strength."""
        found = defaultdict(dict)
        for path in self.walk([seed], target, max_hops):
            if not self.is_detour(path):
                strength = 0.25 ** (len(path) - 2)
                for pair in pairwise(path):
                    strength *= self.edges[frozenset(pair)]
                found[tuple(self.types[i] for i in path)][" ".join(path)] = strength
        shortest = {}
        for types in sorted(found, key=lambda types: (len(types), types)):
            runs = tuple(node_type for node_type, _ in groupby(types))
            alike = (runs, len(types) == 2 or len(runs) > 2)
            shortest.setdefault(alike, types)
        return {types: paths for types, paths in found.items() if types in shortest.values()}

    def walk(self, path, target, hops_left):
        if path[-1] == target:
            yield path
        elif hops_left:
            for node in self.near[path[-1]]:
                if node not in path:
                    yield from self.walk([*path, node], target, hops_left - 1)

    def is_detour(self, path):
        return any(
            frozenset((path[i], path[j])) in self.brands
            for i in range(len(path))
            for j in range(i + 2, len(path))
            if (i, j) != (0, len(path) - 1)
        )


def explained(edges, seed, target, **options):
    folder = Path(tempfile.mkdtemp())
    try:
        return explain(bundle_of(folder / "bundle", edges), seed, target, **options)
    finally:
        shutil.rmtree(folder)


ENDS = [
    (("User", "u"), ("Product", "p")),
    (("Brand", "b"), ("User", "v")),
    (("Product", "p"), ("Product", "q")),
]


@settings(max_examples=60)
@given(graphs(), st.sampled_from(ENDS), st.integers(1, 4))
def test_it_finds_what_following_every_path_finds(edges, ends, max_hops):
    seed, target = ends
    known = nodes_of(edges)
    assume(all(node_id in known[node_type] for node_type, node_id in ends))
    oracle = Oracle(edges)
    explanation = explained(edges, seed, target, k=99, examples=3, max_hops=max_hops)
    expected = oracle.groups(seed[1], target[1], max_hops)
    assert {group.types for group in explanation.groups} == set(expected)
    order = [group.strength for group in explanation.groups]
    assert order == sorted(order, reverse=True)
    for group in explanation.groups:
        paths = expected[group.types]
        assert group.num_paths == len(paths)
        assert group.strength == pytest.approx(sum(sorted(paths.values())[-10:]))
        places = zip(*(path.split() for path in paths), strict=True)
        assert group.widths == tuple(len(set(place)) for place in places)
        for path in group.paths:
            name = " ".join(node.id for node in path.nodes)
            assert path.strength == pytest.approx(paths[name])
        assert group.paths[0].strength == pytest.approx(max(paths.values()))
        assert len(group.paths) == min(3, len(paths))


@settings(max_examples=25)
@given(graphs(), st.randoms(use_true_random=False))
def test_every_path_is_in_the_graph_whatever_the_order_of_the_edges(edges, chance):
    edges["User-VIEWED-Product"] += " u-q v-q v-p"  # so that there is a path
    edges["User-RETURNED-Product"] = "v-r"
    explanation = explained(edges, ("User", "u"), ("Product", "p"), k=99)
    assert explanation
    for path in explanation.paths:
        assert len(set(path.nodes)) == len(path.nodes)
        assert (path.nodes[0].id, path.nodes[-1].id) == ("u", "p")
        for edge, ends in zip(path.edges, pairwise(path.nodes), strict=True):
            assert {edge.source, edge.target} == set(ends)
            name = f"{edge.source.type}-{edge.relation}-{edge.target.type}"
            assert (edge.source.id, edge.target.id) in pairs_of(edges[name])
    assert explained(shuffled(edges, chance), ("User", "u"), ("Product", "p"), k=99) == explanation


def shuffled(edges, chance: random.Random):
    names = list(edges)
    chance.shuffle(names)
    mixed = {}
    for name in names:
        pairs = edges[name].split()
        chance.shuffle(pairs)
        mixed[name] = " ".join(pairs)
    return mixed
