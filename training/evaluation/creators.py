"""Builds the tasks of creators who begin to carry a product or a brand."""

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
from training.evaluation.tasks import EvalTarget, Task
from training.pairs import adjacency, compose, without
from training.quality.counts import BRAND, CREATOR, PRODUCT
from training.splitting.split import kept_part

OF_PRODUCT, OF_BRAND = "creators for a product", "creators for a brand"
_PROMOTES, _FEATURES, _PUBLISHED, _MADE_BY = "PROMOTES", "FEATURES", "PUBLISHED", "MADE_BY"

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
    """Returns the tasks of creators who first carry a product or brand after the cut-off.

    It uses new PROMOTES edges, or else the contents that creators publish; no task without either.

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
    """Returns the tasks for products, and for their brands.

    Args:
        carried_before: Per product row the creators before the cut-off.
        since: The creators who began after it.
    """
    of_products = _eval_target(PRODUCT, relation, past, schema, carried_before)
    rule = Seen(relations=(relation,))
    yield Task(OF_PRODUCT, of_products, rule, since)
    made_by = EdgeType(PRODUCT, _MADE_BY, BRAND)
    if made_by not in edge_types_of(past):
        return
    makers = adjacency(past, made_by).reverse()
    carried_before, since = compose(makers, carried_before), compose(makers, since)
    of_brands = _eval_target(BRAND, relation, of_products.graph, of_products.schema, carried_before)
    truth = without(since, carried_before)
    if truth.num_edges:
        yield Task(OF_BRAND, of_brands, rule, truth)


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
    query_type: str, relation: str, past: HeteroData, schema: Schema, carried_before: Adjacency
) -> EvalTarget:
    """Returns a target from a query type to creators, with the past and extra edges to creators."""
    edge_type = EdgeType(query_type, relation, CREATOR)
    known = schema.relation(relation)
    ends = (*known.ends, (edge_type.source, edge_type.target))
    relations = {**schema.relations, relation: replace(known, ends=ends)}
    graph = kept_part(past, lambda _: None)
    graph[edge_type].edge_index = torch.from_numpy(
        np.stack([sources_of(carried_before), carried_before.indices.astype(np.int64)])
    )
    graph[edge_type][AT_S] = torch.full((carried_before.num_edges,), ALWAYS_S)
    return EvalTarget(edge_type, graph, Schema(schema.node_types, relations), carried_before)
