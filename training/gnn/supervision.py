"""Collects the pairs at the two ends of an edge type or a metapath, and makes batches of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from graphdb.checked_schema import Schema
from graphdb.errors import InsufficientDataError
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.data import HeteroData, edge_types_of, given_back, rated_badly
from training.gnn.config import GnnConfig
from training.gnn.loss import Pairs
from training.gnn.propagation import follow, walked, weights_between
from training.pairs import liked, without
from training.sparse_ops import csr_of, gather_rows, owners_of

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class SupervisedEdges:
    """The positive pairs of a query type and a target type.

    Args:
        weight: The weight of its loss among all target edge types.
        positives: 1 per pair, CSR [num_queries, num_targets].
        disliked: The pairs with negative feedback, in the same form.
        query_rows: The queries with any positive, ascending.
        taken: int64 [num_targets], the number of queries with each target.
    """

    name: str
    query_type: str
    target_type: str
    weight: float
    positives: Tensor
    disliked: Tensor
    query_rows: Tensor
    taken: Tensor

    def to(self, device: torch.device) -> "SupervisedEdges":
        tensors = ("positives", "disliked", "query_rows", "taken")
        return replace(self, **{name: getattr(self, name).to(device) for name in tensors})


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A batch of queries of a target edge type, with their candidates.

    Args:
        candidates: Target rows, ascending.
        log_prior: float32 [num_candidates], see `bilateral_softmax`.
        num_queries: Of the whole batch, if this is a part of one.
        num_positives: The same.
    """

    edges: SupervisedEdges
    queries: Tensor
    candidates: Tensor
    positives: Pairs
    hard_negatives: Pairs
    log_prior: Tensor
    num_queries: int
    num_positives: int

    def part(self, rank: int, count: int) -> "Batch":
        """Returns one of `count` parts, with equal shares of the queries and all candidates."""
        if count == 1:
            return self
        first, end = (len(self.queries) * place // count for place in (rank, rank + 1))
        return replace(
            self,
            queries=self.queries[first:end],
            positives=self.positives.of_queries(first, end),
            hard_negatives=self.hard_negatives.of_queries(first, end),
        )


def supervised_edge_types(
    graph: HeteroData, schema: Schema, config: GnnConfig, main: EdgeType | None = None
) -> Mapping[str, float]:
    """Returns the supervision of the config; by default products and, if they have any, brands.

    Args:
        main: The main edge type; purchases by default.
    """
    if config.supervision is not None:
        return config.supervision
    taken = main or schema.edge_type("PURCHASED", "User", "Product")
    made_by = schema.edge_type("MADE_BY", "Product", "Brand")
    supervised = {str(taken): 1.0}
    if taken.target == made_by.source and {taken, made_by} <= set(edge_types_of(graph)):
        products, branded = graph[taken].edge_index[1], graph[made_by].edge_index[0]
        if torch.isin(products, branded).any():
            supervised[f"{taken}-MADE_BY-Brand"] = 1.0
    return supervised


def supervised_edges(
    graph: HeteroData, schema: Schema, name: str, weight: float, config: GnnConfig
) -> SupervisedEdges:
    """Reads 'User-PURCHASED-Product' or another metapath, and collects its pairs.

    Raises:
        SchemaError: The name is not a metapath of the schema.
        InsufficientDataError: The graph has no such pair.
    """
    path = schema.parse_metapath(name)
    first = path.steps[0]
    disliked = _disliked_pairs(graph, schema, first.edge_type, config)
    liked_pairs = without(liked(graph, first.edge_type), disliked)
    pairs, disliked = follow(graph, path, liked_pairs), walked(first, disliked)
    if not pairs.num_edges:
        raise InsufficientDataError(f"there are no pairs of {name} to train on", value=name)
    if len(path.steps) > 1:  # negative feedback on a product says little about its brand
        disliked = without(pairs, pairs)
    degrees = torch.from_numpy(pairs.degrees())
    return SupervisedEdges(
        name=name,
        query_type=first.source,
        target_type=path.target,
        weight=weight,
        positives=csr_of(pairs),
        disliked=csr_of(disliked),
        query_rows=torch.nonzero(degrees).flatten(),
        taken=torch.from_numpy(pairs.reverse().degrees()),
    )


def batches(
    supervised: Sequence[SupervisedEdges], config: GnnConfig, generator: torch.Generator
) -> Iterator[Batch]:
    """Yields batches of all query nodes of all target edge types, in random order.

    Args:
        generator: On the target edge types' device.
    """
    device = generator.device
    parts = []
    for edges in supervised:
        number = len(edges.query_rows)
        order = torch.randperm(number, generator=generator, device=device)
        parts += [(edges, part) for part in torch.split(order, config.batch_size)]
    for place in torch.randperm(len(parts), generator=generator, device=device).tolist():
        edges, order = parts[place]
        yield _batch(edges, edges.query_rows[order], config, generator)


def _batch(
    edges: SupervisedEdges, queries: Tensor, config: GnnConfig, generator: torch.Generator
) -> Batch:
    taken, _, lengths = gather_rows(edges.positives, queries)
    candidates, log_prior = _candidates(edges, taken, len(queries), config, generator)
    disliked, _, disliked_lengths = gather_rows(edges.disliked, queries)
    positives = _pairs(candidates, taken, lengths)
    return Batch(
        edges=edges,
        queries=queries,
        candidates=candidates,
        positives=positives,
        hard_negatives=_pairs(candidates, disliked, disliked_lengths),
        log_prior=log_prior,
        num_queries=len(queries),
        num_positives=len(positives),
    )


def _candidates(
    edges: SupervisedEdges,
    taken: Tensor,
    num_queries: int,
    config: GnnConfig,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Returns the candidates of a batch, and the logarithm of the weight of each.

    The weight is the target's popularity to a power, over the probability to be a candidate, so
    that the sum over candidates estimates the sum over all targets.
    """
    num_targets, device = len(edges.taken), edges.taken.device
    if config.num_random_negatives == "all":
        candidates = torch.nonzero(edges.taken).flatten()
        chance = torch.ones(len(candidates), device=device)
    else:
        drawn = torch.randint(
            num_targets, (config.num_random_negatives,), generator=generator, device=device
        )
        candidates = torch.unique(torch.cat([taken, drawn]))
        candidates = candidates[edges.taken[candidates] > 0]
        chance = _chances(edges, candidates, num_queries, config.num_random_negatives)
    popularity = edges.taken[candidates].double()
    log_prior = config.negative_sampling_exponent * popularity.log() - chance.double().log()
    return candidates, log_prior.float()


def _chances(edges: SupervisedEdges, targets: Tensor, num_queries: int, num_drawn: int) -> Tensor:
    """Returns the probability of each target to be a candidate, float64."""
    missed = (1 - num_queries / len(edges.query_rows)) ** edges.taken[targets].double()
    return 1 - missed * (1 - 1 / len(edges.taken)) ** num_drawn


def num_candidates(edges: SupervisedEdges, config: GnnConfig) -> int:
    """Returns the mean number of candidates of a full batch."""
    targets = torch.nonzero(edges.taken).flatten()
    if config.num_random_negatives == "all":
        return len(targets)
    queries = min(config.batch_size, len(edges.query_rows))
    return round(float(_chances(edges, targets, queries, config.num_random_negatives).sum()))


def _pairs(candidates: Tensor, targets: Tensor, lengths: Tensor) -> Pairs:
    """Returns the pairs of a batch by position, without targets that are not candidates."""
    owner = owners_of(lengths)
    places = torch.searchsorted(candidates, targets).clamp(max=len(candidates) - 1)
    known = candidates[places] == targets
    return Pairs(owner[known], places[known])


def _disliked_pairs(
    graph: HeteroData, schema: Schema, edge_type: EdgeType, config: GnnConfig
) -> Adjacency:
    """Returns pairs with negative feedback; none for a static edge."""
    shape = (graph[edge_type.source].num_nodes, graph[edge_type.target].num_nodes)
    if not schema.relation(edge_type.relation).is_event:
        return Adjacency.from_edges(np.empty(0, np.int64), np.empty(0, np.int64), *shape)
    weights = weights_between(schema, edge_type, config)
    against = [
        given_back(graph, weights).indices(),
        rated_badly(graph, edge_type, config.max_negative_rating).indices(),
    ]
    sources, targets = torch.cat(against, dim=1).numpy()
    return Adjacency.from_edges(sources, targets, *shape)
