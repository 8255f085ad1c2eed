"""Builds the tasks of creators who begin to carry products: for products and brands, and back."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from graphdb.checked_schema import Schema
from graphdb.errors import SchemaError
from graphdb.schema_types import EdgeType
from graphrec import Seen
from graphrec.adjacency import sources_of
from graphrec.bundle import Adjacency
from training.data import ALWAYS_S, AT_S, HeteroData, edge_types_of
from training.evaluation.tasks import EvalTarget, Task, leaf_categories
from training.pairs import adjacency, compose, with_targets, without
from training.quality.counts import BRAND, CATEGORY, CREATOR, PRODUCT
from training.splitting.split import kept_part

OF_PRODUCT, OF_BRAND = "creators for a product", "creators for a brand"
TO_CREATOR = {
    PRODUCT: "products for a creator",
    BRAND: "brands for a creator",
    CATEGORY: "categories for a creator",
}
"""The tasks of what a creator begins to carry, by target type."""
_PROMOTES, _FEATURES, _PUBLISHED = "PROMOTES", "FEATURES", "PUBLISHED"
_TO_BRAND, _TO_CATEGORY = ("MADE_BY", BRAND), ("IN_CATEGORY", CATEGORY)

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Carried:
    """The creators of products with start times, by one relation; each array int64 [num_edges]."""

    relation: str
    products: Rows
    creators: Rows
    at_s: Rows

    def pairs(self, graph: HeteroData, keep: npt.NDArray[np.bool_]) -> Adjacency:
        """Returns the distinct (product, creator) pairs of some edges."""
        sizes = graph[PRODUCT].num_nodes, graph[CREATOR].num_nodes
        return Adjacency.from_edges(self.products[keep], self.creators[keep], *sizes)


def creator_tasks(
    graph: HeteroData, past: HeteroData, cutoff_s: int, schema: Schema
) -> Iterator[Task]:
    """Returns the tasks of what creators first carry after the cut-off, in both directions.

    These are creators for products and brands, and products, brands and categories for creators. It
    uses new PROMOTES edges, or else the contents that creators publish; no task without either.

    Args:
        graph: Past and future.
        past: The training graph.
    """
    for carried in _carrying(graph, schema):
        late = carried.at_s >= cutoff_s
        carried_before = carried.pairs(graph, ~late)
        since = without(carried.pairs(graph, late), carried_before)
        if carried_before.num_edges and since.num_edges:
            yield from _tasks(carried.relation, past, schema, carried_before, since)
            return


def _tasks(
    relation: str, past: HeteroData, schema: Schema, carried_before: Adjacency, since: Adjacency
) -> Iterator[Task]:
    """Returns the tasks for products, brands and creators.

    Args:
        carried_before: Per product row the creators before the cut-off.
        since: The creators who began after it.
    """
    rule = Seen(relations=(relation,))
    ends = EdgeType(PRODUCT, relation, CREATOR)
    of_products = _eval_target(ends, past, schema, carried_before)
    yield Task(OF_PRODUCT, of_products, rule, since)
    for name, groups in _groups(past).items():
        before, after = compose(groups.reverse(), carried_before), compose(groups.reverse(), since)
        truth = without(after, before)
        if not truth.num_edges:
            continue
        if name == BRAND:
            ends = EdgeType(name, relation, CREATOR)
            target = _eval_target(ends, of_products.graph, of_products.schema, before)
            yield Task(OF_BRAND, target, rule, truth)
        ends = EdgeType(CREATOR, relation, name)
        target = _eval_target(ends, of_products.graph, of_products.schema, before.reverse())
        yield Task(TO_CREATOR[name], target, rule, truth.reverse(), levels="leaf")
    ends = EdgeType(CREATOR, relation, PRODUCT)
    target = _eval_target(ends, of_products.graph, of_products.schema, carried_before.reverse())
    yield Task(TO_CREATOR[PRODUCT], target, rule, since.reverse())


def _groups(past: HeteroData) -> dict[str, Adjacency]:
    """Returns the brands and the leaf categories of products, where there are any."""
    known = edge_types_of(past)
    found = {}
    made_by, in_category = (EdgeType(PRODUCT, *one) for one in (_TO_BRAND, _TO_CATEGORY))
    if made_by in known:
        found[BRAND] = adjacency(past, made_by)
    if in_category in known:
        found[CATEGORY] = with_targets(adjacency(past, in_category), leaf_categories(past))
    return found


def _carrying(graph: HeteroData, schema: Schema) -> Iterator[_Carried]:
    """Returns the relations between products and creators that the graph has."""
    try:
        promotes = schema.edge_type(_PROMOTES, source=CREATOR, target=PRODUCT)
        published = schema.edge_type(_PUBLISHED, source=CREATOR)
        features = schema.edge_type(_FEATURES, target=PRODUCT)
    except SchemaError:
        return  # a schema without creators
    there = set(edge_types_of(graph))
    if promotes in there:
        creators, products = graph[promotes].edge_index.numpy()
        yield _Carried(_PROMOTES, products, creators, graph[promotes][AT_S].numpy())
    if {published, features} <= there:
        contents, products = graph[features].edge_index.numpy()
        by = adjacency(graph, published).reverse()
        number = by.degrees()[contents]
        yield _Carried(
            _FEATURES,
            np.repeat(products, number),
            by.gather(contents).astype(np.int64),
            np.repeat(graph[features][AT_S].numpy(), number),
        )


def _eval_target(
    edge_type: EdgeType, past: HeteroData, schema: Schema, carried_before: Adjacency
) -> EvalTarget:
    """Returns a target between creators and what they carry, with its edges added to the past."""
    known = schema.relation(edge_type.relation)
    ends = dict.fromkeys((*known.ends, (edge_type.source, edge_type.target)))
    relations = {**schema.relations, edge_type.relation: replace(known, ends=tuple(ends))}
    graph = kept_part(past, lambda _: None)
    if edge_type in edge_types_of(graph):
        del graph[edge_type]  # its events, and their properties
    graph[edge_type].edge_index = torch.from_numpy(
        np.stack([sources_of(carried_before), carried_before.indices.astype(np.int64)])
    )
    graph[edge_type][AT_S] = torch.full((carried_before.num_edges,), ALWAYS_S)
    return EvalTarget(edge_type, graph, Schema(schema.node_types, relations), carried_before)
