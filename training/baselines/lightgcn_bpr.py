"""Implements LightGCN as published: linear propagation along one relation, with the BPR loss."""

import math
import time
from collections.abc import Callable

import torch
from pydantic import Field
from torch.nn.functional import logsigmoid

from graphdb.checked_schema import Schema
from graphdb.errors import DivergedError, InsufficientDataError
from graphdb.schema_types import EdgeType
from training.baselines.base import InteractionConfig, interactions
from training.data import HeteroData
from training.evaluation.metrics import VectorScorer
from training.gnn import HeteroLightGCN, RelationOperator
from training.gnn.memory import chosen_device
from training.gnn.trainer import Epoch
from training.sparse_ops import SparseMatrix, normalised, row_sums

Tensor = torch.Tensor


class LightGcnBprConfig(InteractionConfig):
    """The config of LightGCN with BPR; the defaults are those of the paper, except for epochs.

    Args:
        dim: The dimensions of the vectors.
        num_layers: How many edges a vector travels along.
        epochs: Passes over the pairs; the paper uses up to 1,000.
        batch: Pairs per step.
        learning_rate: The learning rate of Adam.
        l2: The L2 regularisation of the initial vectors of a step.
        seed: The random seed.
    """

    dim: int = Field(default=64, ge=1, le=1024)
    num_layers: int = Field(default=3, ge=0, le=8)
    epochs: int = Field(default=100, ge=0, le=10_000)
    batch: int = Field(default=2048, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    l2: float = Field(default=1e-4, ge=0, le=1)
    seed: int = Field(default=0, ge=0, lt=2**62)


class LightGcnBpr:
    """LightGCN with the BPR loss, by equations 3, 8 and 15 of its paper.

    He et al., "LightGCN" (SIGIR 2020). The layers are those of `HeteroLightGCN`; a test compares
    them with PyG. Each pair of an epoch is compared with one random target that its query node does
    not have. Deviations: a query node without targets has a row of zeros instead of noise, and a
    query node with all targets is skipped.

    Args:
        device: Where to train; by default a GPU if there is one.
        on_epoch: Called after every epoch.
    """

    def __init__(
        self,
        schema: Schema,
        target_edge_type: EdgeType,
        config: LightGcnBprConfig | None = None,
        device: str | None = None,
        on_epoch: Callable[[Epoch], None] | None = None,
    ) -> None:
        self.schema = schema
        self.target_edge_type = target_edge_type
        self.config = config or LightGcnBprConfig()
        self.device = device
        self.on_epoch = on_epoch

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Trains the model.

        Raises:
            InsufficientDataError: There are no events to train on, or every query node has every
                target.
            SchemaError: A weight is given for a relation that does not exist or does not fit.
            DivergedError: The loss became NaN or infinite.
            TrainingError: There is no such device.
        """
        config, device = self.config, chosen_device(self.device)
        events = interactions(graph, self.schema, self.target_edge_type, config)
        pairs = TakenPairs(events.indices().to(device), *events.shape)
        model = self._model(events, device)
        rows = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(rows, lr=config.learning_rate)
        generator = torch.Generator(device).manual_seed(config.seed)
        for number in range(1, config.epochs + 1):
            began = time.perf_counter()
            loss = self._epoch(number, model, optimizer, pairs, generator)
            if self.on_epoch:
                seconds = time.perf_counter() - began
                self.on_epoch(Epoch(number, loss, config.learning_rate, seconds))
        with torch.no_grad():
            queries, targets = model(
                [(self.target_edge_type.source, None), (self.target_edge_type.target, None)]
            )
        return VectorScorer(queries.cpu(), targets.cpu())

    def _model(self, events: Tensor, device: torch.device) -> HeteroLightGCN:
        source, _, target = self.target_edge_type
        operator = SparseMatrix.from_coordinates(normalised(events).float())
        there = RelationOperator(
            str(self.target_edge_type), source, target, operator.transpose()
        ).to(device)
        model = HeteroLightGCN(
            dict(zip((source, target), events.shape, strict=True)),
            [there, there.back],
            own_rows={source: row_sums(events) > 0},
            dim=self.config.dim,
            num_layers=self.config.num_layers,
            seed=self.config.seed,
        )
        return model.to(device)

    def _epoch(
        self,
        number: int,
        model: HeteroLightGCN,
        optimizer: torch.optim.Adam,
        pairs: "TakenPairs",
        generator: torch.Generator,
    ) -> float:
        """Runs one pass over the pairs; returns the mean loss of its steps."""
        losses = []
        order = torch.randperm(len(pairs), generator=generator, device=generator.device)
        for batch in torch.split(order, self.config.batch):
            queries, positives = pairs.index[:, batch]
            loss = self.loss(model, queries, positives, pairs.negatives(queries, generator))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.detach())
        mean = torch.stack(losses).mean().item()
        if not math.isfinite(mean):
            raise DivergedError(
                f"the loss became {mean} in epoch {number}",
                next_step="lower the learning rate",
                value=mean,
            )
        return mean

    def loss(
        self, model: HeteroLightGCN, queries: Tensor, positives: Tensor, negatives: Tensor
    ) -> Tensor:
        """Returns -mean log sigmoid(s_positive - s_negative) + l2 / 2 of the initial vectors."""
        source, _, target = self.target_edge_type
        targets = torch.cat([positives, negatives])
        # A batch reaches most of the graph: computing only its rows is not faster.
        query_vectors, target_vectors = model([(source, None), (target, None)])
        paired = target_vectors[targets].view(2, len(queries), -1)
        reached, missed = (query_vectors[queries] * paired).sum(-1)
        lengths = model.rows[source][queries].square().sum()
        lengths = lengths + model.rows[target][targets].square().sum()
        loss: Tensor = (
            self.config.l2 * lengths / (2 * len(queries)) - logsigmoid(reached - missed).mean()
        )
        return loss


class TakenPairs:
    """The pairs to train on, and targets without an interaction with their query nodes.

    Args:
        index: Query nodes and targets, int64 [2, num_pairs], ascending.

    Raises:
        InsufficientDataError: Every query node has every target, so that there are no negatives.
    """

    def __init__(self, index: Tensor, num_queries: int, num_targets: int) -> None:
        self.num_targets = num_targets
        took_all = torch.bincount(index[0], minlength=num_queries) == num_targets
        self.index = index[:, ~took_all[index[0]]]
        self._keys = self.index[0] * num_targets + self.index[1]
        if not len(self):
            raise InsufficientDataError(
                "every query node has every target; there is nothing to rank"
            )

    def __len__(self) -> int:
        return self.index.shape[1]

    def negatives(self, queries: Tensor, generator: torch.Generator) -> Tensor:
        """Draws a target that each query does not have, uniformly, int64 [len(queries)]."""
        drawn = self._draw(len(queries), generator)
        while len(places := torch.nonzero(self._taken(queries, drawn)).flatten()):
            drawn[places] = self._draw(len(places), generator)
        return drawn

    def _draw(self, number: int, generator: torch.Generator) -> Tensor:
        device = generator.device
        return torch.randint(self.num_targets, (number,), generator=generator, device=device)

    def _taken(self, queries: Tensor, targets: Tensor) -> Tensor:
        keys = queries * self.num_targets + targets
        places = torch.searchsorted(self._keys, keys).clamp(max=len(self._keys) - 1)
        known: Tensor = self._keys[places] == keys
        return known
