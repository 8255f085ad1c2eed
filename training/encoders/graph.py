"""The graph neural network as an encoder."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.data import HeteroData
from training.encoders.base import Vectors
from training.evaluation.metrics import VectorScorer, metrics_at_k
from training.gnn import GnnConfig, HeteroLightGCN, RelationOperator, relation_operators
from training.gnn.distributed import ALONE, Processes
from training.gnn.memory import (
    check_building,
    check_fits,
    chosen_device,
    memory_need,
    multiplies_bfloat16,
)
from training.gnn.propagation import follow
from training.gnn.supervision import SupervisedEdges, supervised_edge_types, supervised_edges
from training.gnn.trainer import Epoch, Trainer
from training.gnn.training_log import TrainingLog
from training.pairs import adjacency, without
from training.splitting.split import hold_out_last, hold_out_share

Tensor = torch.Tensor

VALIDATED_AT = 20

OnEpoch = Callable[[Epoch], None]


@dataclass
class GraphEncoder:
    """Trains the graph model on a graph and returns the vectors of all its nodes.

    Args:
        device: Where to train; by default a GPU if there is one.
        folder: A folder for a log and the state after every epoch; a run that finds its own state
            there resumes it exactly.
        on_epoch: Called after every epoch.
        tensorboard: Whether to log the epochs for TensorBoard in the folder too.
        processes: The processes that train together; the folder and `on_epoch` of the first one are
            used.
        target_edge_type: The edge type to predict if the config names none; by default purchases.
    """

    schema: Schema
    config: GnnConfig = field(default_factory=GnnConfig)
    device: str | None = None
    folder: Path | None = None
    on_epoch: OnEpoch | None = None
    tensorboard: bool = False
    processes: Processes = ALONE
    target_edge_type: EdgeType | None = None

    def fit(self, graph: HeteroData) -> Vectors:
        """Trains; with `patience`, first without the validation part, to find the number of epochs.

        Raises:
            InsufficientDataError: A supervised edge type has no pair to train on, or none to
                validate with.
            SchemaError: The config names something that the schema or the graph does not have.
            DivergedError: The loss became NaN or infinite.
            CheckpointError: The state in the folder is of another run.
            TrainingError: There is no such device.
            InsufficientMemoryError: Training needs more memory than the device has free.
            WorkerLostError: Another process has ended.
        """
        epochs = self.config.epochs
        if self.config.patience is not None:
            epochs = self._best_epochs(graph, self.config.patience)
        trainer = self._trainer(graph)
        with self._log("all", trainer) as log:
            trainer.run(log.add, until=epochs)
        return vectors_of(trainer.model, trainer.supervised)

    def _best_epochs(self, graph: HeteroData, patience: int) -> int:
        """How many epochs reach the most of what is held out, along the first target edge type."""
        past, held_out = self._held_out(graph)
        trainer = self._trainer(past)
        edges = trainer.supervised[0]

        def after(epoch: Epoch) -> bool:
            wanted = [(edges.query_type, None), (edges.target_type, None)]
            with torch.no_grad():
                queries, targets = trainer.model(wanted)
            scorer = VectorScorer(queries, targets)
            reached = metrics_at_k(
                scorer, edges.positives, held_out, VALIDATED_AT, device=edges.taken.device
            )
            log.add(replace(epoch, recall=reached.recall, ndcg=reached.ndcg))
            return epoch.number - log.best_epoch >= patience

        with self._log("validation", trainer) as log:
            done = log.best_epoch and trainer.epochs_done - log.best_epoch >= patience
            if not self.processes.broadcast(done):
                trainer.run(after)
            return self.processes.broadcast(log.best_epoch)

    def _held_out(self, graph: HeteroData) -> tuple[HeteroData, Adjacency]:
        """The past, and the pairs at the two ends of the first target that it does not have."""
        config = self.config
        supervised = supervised_edge_types(graph, self.schema, config, self.target_edge_type)
        path = self.schema.parse_metapath(next(iter(supervised)))
        first = path.edge_types[0]
        if config.validation_days is not None:
            cut = hold_out_last(graph, first, config.validation_days)
            past, begun = cut.train_graph, cut.truth
        else:
            held = hold_out_share(
                graph, self.schema, first, config.validation_fraction, seed=config.seed
            )
            past, begun = held.train_graph, held.truth
        known = follow(past, path, adjacency(past, first))
        return past, without(follow(graph, path, begun), known)

    def _log(self, stage: str, trainer: Trainer) -> TrainingLog:
        if not self.processes.is_first:
            return TrainingLog(None, stage, trainer)
        return TrainingLog(self.folder, stage, trainer, self.on_epoch, tensorboard=self.tensorboard)

    def _trainer(self, graph: HeteroData) -> Trainer:
        processes = self.processes
        device = chosen_device(self.device, processes.local_rank)
        config = _settled(self.config, device)
        check_building(graph, num_processes=processes.local_count)
        supervised = [
            supervised_edges(graph, self.schema, name, weight, config)
            for name, weight in supervised_edge_types(
                graph, self.schema, config, self.target_edge_type
            ).items()
        ]
        messages = relation_operators(graph, self.schema, config)
        num_nodes = {node_type: graph[node_type].num_nodes for node_type in graph.node_types}
        need = memory_need(num_nodes, messages, supervised, config, num_processes=processes.count)
        sharing = 1 if device.type == "cuda" else processes.local_count
        check_fits(need, config, device, num_processes=sharing)
        processes.check_same_setup(config, device, _structure(messages, supervised))
        supervised = [edges.to(device) for edges in supervised]
        model = HeteroLightGCN(
            num_nodes,
            [message.to(device) for message in messages],
            own_rows=nodes_with_rows(supervised, messages),
            dim=config.dim,
            num_layers=config.num_layers,
            learn_relation_weights=config.learn_relation_weights,
            seed=config.seed,
        )
        return Trainer(model.to(device), supervised, config, processes)


def _settled(config: GnnConfig, device: torch.device) -> GnnConfig:
    """The config with what it leaves to the device."""
    if config.bfloat16 is not None:
        return config
    return config.model_copy(update={"bfloat16": multiplies_bfloat16(device)})


def _structure(
    messages: Sequence[RelationOperator], supervised: Sequence[SupervisedEdges]
) -> Iterator[Tensor]:
    """All that says which nodes are connected."""
    connected = [message.operator.rows for message in messages]
    connected += [csr for one in supervised for csr in (one.positives, one.disliked)]
    for matrix in connected:
        yield from (torch.tensor(matrix.shape), matrix.crow_indices(), matrix.col_indices())


def nodes_with_rows(
    supervised: Sequence[SupervisedEdges], messages: Sequence[RelationOperator]
) -> dict[str, Tensor]:
    """Per node type, which nodes have a row of their own.

    At the ends of target edge types those with a pair, of other types those with any edge. The
    others would keep the row they began with, which is noise: they go without.
    """
    found: dict[str, Tensor] = {}
    for edges in supervised:
        _add_nodes(found, edges.query_type, edges.positives.crow_indices().diff() > 0)
        _add_nodes(found, edges.target_type, edges.taken > 0)
    ends = set(found)
    for message in messages:
        for node_type, rows in (
            (message.target, message.operator.rows),
            (message.source, message.operator.transposed),
        ):
            if node_type not in ends:
                _add_nodes(found, node_type, rows.crow_indices().diff() > 0)
    return found


def _add_nodes(found: dict[str, Tensor], node_type: str, nodes: Tensor) -> None:
    found[node_type] = found[node_type] | nodes if node_type in found else nodes


@torch.no_grad()
def vectors_of(model: HeteroLightGCN, supervised: Sequence[SupervisedEdges]) -> Vectors:
    """The vectors of every type that is at an end of a target edge type or carries a message."""
    types = {end for d in supervised for end in (d.query_type, d.target_type)}
    types |= {message.target for message in model.messages}
    wanted = [(node_type, None) for node_type in sorted(types)]
    return {
        node_type: vectors.float().cpu().numpy()
        for (node_type, _), vectors in zip(wanted, model(wanted), strict=True)
    }
