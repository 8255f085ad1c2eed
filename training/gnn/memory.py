"""Whether a training fits into memory, worked out before it begins.

What it takes, in bytes, n being the number of all nodes and d the length of the vectors:

- per node 16 d: its own row, the row's gradient, and Adam's two moments, 4 d each;
- per node and step 8 d with one layer, 20 d with more (sums over layers and their gradients);
  4 d more with `id_dropout`, and 4 d per layer and message to the node with `learn_gains`;
- per seed or candidate of a step 16 d, and per two of them 8: two float32 matrices of scores, and
  2 more with `bfloat16`;
- per distinct pair of a tie or of events 24, for both ways together: an int64 column and a float32
  weight in rows, and again in columns; per pair of a direction 12;
- while the operators are built on the CPU, 160 per edge of the largest relation.

Against the peak of real runs this is right within a factor of 1.5 (tests/training/gnn/
test_memory.py), where graph or vectors are large enough for it to matter. What the process holds
besides, such as the graph itself, is no part of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from graphdb.errors import DoesNotFitError
from training.data import edge_types_of
from training.gnn.config import GnnConfig
from training.gnn.free_memory import available_bytes, free_bytes
from training.gnn.messages import Message
from training.gnn.supervision import Direction, num_candidates
from training.pyg import HeteroData
from training.scoring import BLOCK_SCORES

BUILDING_BYTES_PER_EDGE = 160
_STATE, _ONE_LAYER, _MORE_LAYERS = 4, 2, 5  # vectors per node
_CHOSEN = 4  # vectors per seed or candidate
_NUMBER = 4  # bytes of a float32
_BOTH_WAYS, _PAIR = 24, 12


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Bytes at the moment of training when most is held, by what they hold.

    Args:
        rows: Own rows, gradients and moments of all nodes.
        layers: What travels in a step, and its gradients.
        scores: Of a step's seeds for its candidates, with the vectors of both, or of a block of
            the validation.
        ties: Operators, and the pairs of the directions.
    """

    rows: int
    layers: int
    scores: int
    ties: int

    @property
    def total(self) -> int:
        return self.rows + self.layers + self.scores + self.ties


def memory_need(
    num_nodes: Mapping[str, int],
    messages: Sequence[Message],
    directions: Sequence[Direction],
    config: GnnConfig,
    *,
    num_processes: int = 1,
) -> MemoryNeed:
    """What training takes; see the head of this file.

    Args:
        num_processes: Among which the seeds of every step are shared out.
    """
    vector = config.dim * _NUMBER
    nodes = sum(num_nodes.values())
    per_node = 0 if not config.num_layers else _ONE_LAYER
    per_node = _MORE_LAYERS if config.num_layers > 1 else per_node
    layers = vector * nodes * (per_node + (config.id_dropout > 0))
    if config.learn_gains:
        reached = sum(num_nodes[message.target] for message in messages)
        layers += vector * reached * config.num_layers
    entries = sum(message.operator.rows.values().numel() for message in messages)
    pairs = sum(csr.values().numel() for one in directions for csr in (one.positives, one.disliked))
    return MemoryNeed(
        rows=_STATE * vector * nodes,
        layers=layers,
        scores=max(_scores(one, config, num_processes) for one in directions),
        ties=_BOTH_WAYS // 2 * entries + _PAIR * pairs,
    )


def _scores(direction: Direction, config: GnnConfig, num_processes: int) -> int:
    num_seeds, num_targets = len(direction.seed_rows), len(direction.taken)
    seeds = -(-min(config.seed_batch, num_seeds) // num_processes)
    candidates = num_candidates(direction, config)
    matrices = 2.5 if config.bfloat16 else 2
    step = round(matrices * seeds * candidates) + _CHOSEN * config.dim * (seeds + candidates)
    validation = 0
    if config.patience is not None:
        validation = 2 * min(BLOCK_SCORES, num_seeds * num_targets)
    return _NUMBER * max(step, validation)


def check_building(graph: HeteroData, *, num_processes: int = 1) -> None:
    """Checks that the operators of a graph can be built in the machine's memory.

    Args:
        num_processes: That do so on this machine at once.

    Raises:
        DoesNotFitError: They cannot.
    """
    edges: Counter[tuple[str, str]] = Counter()
    for edge_type in edge_types_of(graph):
        edges[edge_type.source, edge_type.target] += graph[edge_type].edge_index.shape[1]
    need = BUILDING_BYTES_PER_EDGE * max(edges.values(), default=0) * num_processes
    free = available_bytes()
    if need > free:
        ends, largest = edges.most_common(1)[0]
        raise DoesNotFitError(
            f"to read the {largest:,} edges from {ends[0]} to {ends[1]} takes about "
            f"{_gigabytes(need)} of memory, and {_gigabytes(free)} are free",
            next_step="train with a snapshot of fewer events, or on a machine with more memory",
            value=need,
        )


def check_fits(
    need: MemoryNeed, config: GnnConfig, device: torch.device, *, num_processes: int = 1
) -> None:
    """Checks that a training fits on a device.

    Args:
        num_processes: That train on the same device; more than one only without a GPU.

    Raises:
        DoesNotFitError: It does not; the message says what takes how much, and what to lower.
    """
    free = free_bytes(device) // num_processes
    wanted = need.total
    if device.type != "cuda":
        wanted -= need.ties  # they are in the machine's memory already
    if wanted <= free:
        return
    scores = f"seed_batch ({config.seed_batch}) or candidates ({config.candidates})"
    dim = f"dim ({config.dim})"
    first, second = (scores, dim) if need.scores > need.rows + need.layers else (dim, scores)
    raise DoesNotFitError(
        f"training needs about {_gigabytes(wanted)} on {device}, where {_gigabytes(free)} are "
        f"free: rows with gradients and moments {_gigabytes(need.rows)}, layers "
        f"{_gigabytes(need.layers)}, scores {_gigabytes(need.scores)}, ties "
        f"{_gigabytes(need.ties)}",
        next_step=f"lower {first} above all, then {second}",
        value=wanted,
    )


def _gigabytes(number: int) -> str:
    return f"{number / 2**30:,.2f} GB"
