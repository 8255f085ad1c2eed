"""Events of users with products in their order: what came before what, and how many steps ago."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from graphdb.schema_types import EdgeType
from training.data import HeteroData, dated_likes, edge_types_of
from training.sparse_ops import SparseMatrix, coordinates, owners_of, starts_of

Tensor = torch.Tensor

_FADED = 0.01  # what counts less is left out of the matrices that are learned from


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """Dated events in order of source, then time, in baskets: what a source did at one time.

    A basket is a step as long as the largest weight in it, so that several views may be as long as
    one purchase. An event counts its weight x decay^(length of the steps after its basket).
    Events without a time and low ratings are left out.

    Args:
        products: int64 [num_events], target rows, ascending within a basket.
        weights: float64 [num_events], what an event counts, above 0.
        is_target: bool [num_events], whether it is of the edge type to predict.
        sizes: int64 [num_baskets], the events of every basket.
        owners: int64 [num_baskets], the source row of every basket.
        positions: float64 [num_baskets], the steps of the source up to this basket's end.
        num_sources: Of the graph.
        num_targets: Of the graph.
    """

    products: Tensor
    weights: Tensor
    is_target: Tensor
    sizes: Tensor
    owners: Tensor
    positions: Tensor
    num_sources: int
    num_targets: int

    @classmethod
    def of(
        cls, graph: HeteroData, target_edge_type: EdgeType, weights: Mapping[EdgeType, float]
    ) -> "Sequences | None":
        """Orders the events; None where no event to predict has a time.

        Args:
            weights: What an event counts, above 0, per edge type with the ends of the target's.
        """
        parts = []
        for edge_type in edge_types_of(graph):
            if weights.get(edge_type, 0.0) > 0:
                sources, products, at_s = dated_likes(graph, edge_type)
                of_type = torch.full((len(at_s),), weights[edge_type], dtype=torch.float64)
                is_target = torch.full((len(at_s),), edge_type == target_edge_type)
                parts.append((sources, products, at_s, of_type, is_target))
        if not parts:
            return None
        sources, products, at_s, counts, is_target = (
            torch.cat(column) for column in zip(*parts, strict=True)
        )
        if not is_target.any():
            return None
        order = torch.arange(len(sources))
        for key in (products, at_s, sources):
            order = order[torch.argsort(key[order], stable=True)]
        sources, at_s, counts = sources[order], at_s[order], counts[order]
        begins = torch.ones(len(order), dtype=torch.bool)
        begins[1:] = (sources[1:] != sources[:-1]) | (at_s[1:] != at_s[:-1])
        basket = begins.cumsum(0) - 1
        steps = torch.zeros(int(basket[-1]) + 1, dtype=torch.float64)
        steps.scatter_reduce_(0, basket, counts, "amax")
        owners = sources[begins]
        first = torch.ones(len(owners), dtype=torch.bool)
        first[1:] = owners[1:] != owners[:-1]
        whole = steps.cumsum(0)
        before = (whole - steps)[first][first.cumsum(0) - 1]
        return cls(
            products=products[order],
            weights=counts,
            is_target=is_target[order],
            sizes=torch.bincount(basket),
            owners=owners,
            positions=whole - before,
            num_sources=graph[target_edge_type.source].num_nodes,
            num_targets=graph[target_edge_type.target].num_nodes,
        )

    def histories(self, decay: float) -> Tensor:
        """What the events of every source count now, coalesced [num_sources, num_targets]."""
        last = torch.zeros(self.num_sources, dtype=torch.float64)
        last.scatter_reduce_(0, self.owners, self.positions, "amax")
        faded = decay ** (last[self.owners] - self.positions)
        index = torch.stack([self.owners.repeat_interleave(self.sizes), self.products])
        values = self.weights * faded.repeat_interleave(self.sizes)
        return coordinates(index, values, (self.num_sources, self.num_targets))

    def examples(
        self, decay: float, num_baskets: int, max_entries: int
    ) -> tuple[SparseMatrix, SparseMatrix] | None:
        """What came before, and what came next, for every basket to predict that is not the first.

        Args:
            decay: What an event counts beside one a step later.
            num_baskets: How many baskets before are looked at.
            max_entries: The most entries of X; the newest baskets of every source are taken.

        Returns:
            X and Y, float32 [num_rows, num_targets] each; None where nothing came before anything.
        """
        events = torch.arange(len(self.sizes)).repeat_interleave(self.sizes)
        predicted = torch.zeros(len(self.sizes), dtype=torch.bool)
        predicted[events[self.is_target]] = True
        predicted[1:] &= self.owners[1:] == self.owners[:-1]
        predicted[0] = False
        baskets = torch.nonzero(predicted)[:, 0]
        if not len(baskets):
            return None
        number = torch.zeros(len(baskets), dtype=torch.int64)
        for rows, others, _ in self._earlier(baskets, decay, num_baskets):
            number[rows] += self.sizes[others]
        baskets = self._newest(baskets, number, max_entries)
        return self._before(baskets, decay, num_baskets), self._in(baskets)

    def _newest(self, baskets: Tensor, number: Tensor, max_entries: int) -> Tensor:
        """As many of the newest baskets of every source as entries allow, and at least one."""
        owners = self.owners[baskets]
        lengths = torch.bincount(owners, minlength=self.num_sources)
        age = starts_of(lengths)[1:][owners] - 1 - torch.arange(len(baskets))
        order = torch.argsort(age, stable=True)
        fit = int((number[order].cumsum(0) <= max_entries).sum())
        return baskets[torch.sort(order[: max(fit, 1)]).values]

    def _earlier(
        self, baskets: Tensor, decay: float, num_baskets: int
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Per lag the places of baskets that have such an earlier one, which, and its decay."""
        last = baskets - 1
        for lag in range(num_baskets):
            others = (last - lag).clamp(min=0)
            faded = decay ** (self.positions[last] - self.positions[others])
            inside = (last >= lag) & (self.owners[others] == self.owners[baskets])
            kept = torch.nonzero(inside & (faded >= _FADED))[:, 0]
            if not len(kept):
                break
            yield kept, others[kept], faded[kept]

    def _before(self, baskets: Tensor, decay: float, num_baskets: int) -> SparseMatrix:
        """Per basket the events of those before it, each with weight and decay."""
        rows, columns, values = [], [], []
        for kept, others, faded in self._earlier(baskets, decay, num_baskets):
            places, lengths = self._places(others)
            rows.append(kept.repeat_interleave(lengths))
            columns.append(self.products[places])
            values.append(self.weights[places] * faded.repeat_interleave(lengths))
        shape = (len(baskets), self.num_targets)
        return _matrix(torch.cat(rows), torch.cat(columns), torch.cat(values), shape)

    def _in(self, baskets: Tensor) -> SparseMatrix:
        """Per basket its events to predict, 1 each."""
        places, lengths = self._places(baskets)
        rows = owners_of(lengths)[self.is_target[places]]
        columns = self.products[places[self.is_target[places]]]
        shape = (len(baskets), self.num_targets)
        return _matrix(rows, columns, torch.ones(len(rows)), shape)

    def _places(self, baskets: Tensor) -> tuple[Tensor, Tensor]:
        """Where the events of some baskets are, and how many each has."""
        lengths = self.sizes[baskets]
        shift = starts_of(self.sizes)[baskets] - starts_of(lengths)[:-1]
        return torch.arange(int(lengths.sum())) + shift.repeat_interleave(lengths), lengths


def _matrix(rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> SparseMatrix:
    found = coordinates(torch.stack([rows, columns]), values.float(), shape)
    return SparseMatrix.from_coordinates(found)
