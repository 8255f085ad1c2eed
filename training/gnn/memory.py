"""Chooses the device of a training and checks in advance that the training fits into memory.

The estimate in bytes, where d is the dimensions of the vectors:

- per node 16 d: its own row, the row's gradient, and Adam's two moments, 4 d each;
- per node and step 8 d with one layer, 20 d with more (sums over layers and their gradients);
  4 d more with `node_dropout`, and 4 d per layer and message to the node with
  `learn_relation_weights`;
- per query node or candidate of a step 16 d, and per two of them 8: two float32 matrices of scores,
  and 2 more with `bfloat16`;
- per distinct pair of an edge or of events 24, for both ways together: an int64 column and a
  float32 weight in rows, and again in columns; per pair of a target edge type 12;
- while the operators are built on the CPU, 160 per edge of the largest relation.

It is within a factor of 1.5 of the peak of real runs (tests/training/gnn/test_memory.py) for large
graphs or vectors. It excludes other memory of the process, such as the graph itself.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from graphdb.errors import InsufficientMemoryError, TrainingError
from training.data import HeteroData, edge_types_of
from training.evaluation.metrics import BLOCK_SCORES
from training.gnn.config import GnnConfig
from training.gnn.propagation import RelationOperator
from training.gnn.supervision import SupervisedEdges, num_candidates

_INFO = Path("proc/meminfo")
_CGROUP = Path("proc/self/cgroup")
_CGROUPS = Path("sys/fs/cgroup")
# Control groups v2 and v1: folder, limit, use, and the name of the cache in it.
_V2 = (_CGROUPS, "memory.max", "memory.current", "inactive_file")
_V1 = (_CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_bytes(device: torch.device) -> int:
    """Returns the memory that this process can still get on the device.

    On a GPU: the free memory, plus the reserved memory that torch does not use. All other devices
    use the machine's memory.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return available_bytes()


def available_bytes(root: Path = Path("/")) -> int:
    """Returns the memory that is available without swapping and within a container's limit.

    On Linux it is the kernel's available memory, or the room under the tightest limit of a control
    group, if that is less. On other systems, it is all physical memory.

    Args:
        root: The folder of `proc` and `sys`.
    """
    if not (root / _INFO).exists():
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    lines = (root / _INFO).read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    available = int(fields["MemAvailable"].split()[0]) * 1024
    return min([available, *_rooms(root)])


def _rooms(root: Path) -> Iterator[int]:
    """Yields the room under every limit of this process' control group and its ancestors."""
    if not (root / _CGROUP).exists():
        return
    for line in (root / _CGROUP).read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        folder, limit, use, cache = _V1 if controllers else _V2
        inside = Path(path.lstrip("/"))
        # In a container, the path may be that of the machine: then only the top is visible.
        for group in (inside, *inside.parents):
            place = root / folder / group
            if (place / limit).exists() and (place / limit).read_text().strip() != "max":
                allowed, used = (int((place / name).read_text()) for name in (limit, use))
                yield max(allowed - used + _statistic(place, cache), 0)


def _statistic(place: Path, name: str) -> int:
    """Returns one value of a control group's statistics, in bytes."""
    lines = (place / "memory.stat").read_text(encoding="ascii").splitlines()
    return int(dict(line.split() for line in lines).get(name, 0))


def chosen_device(name: str | None, local_rank: int | None = None) -> torch.device:
    """Returns the device of a name; by default a GPU if there is one.

    Args:
        local_rank: Of this process, if several train together: each has its own GPU.

    Raises:
        TrainingError: The device is unknown, not on this machine, or a single GPU for several
            processes.

    Example:
        >>> chosen_device("cpu")
        device(type='cpu')
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise TrainingError(
            f"'{name}' is an unknown torch device", expected="cpu, cuda or cuda:NUMBER", value=name
        ) from error
    if device.type == "cuda" and local_rank is not None:
        if ":" in name:
            raise TrainingError(
                f"'{name}' is one GPU, but several processes were started",
                expected="cuda, for one GPU each",
                value=name,
            )
        device = torch.device("cuda", local_rank)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise TrainingError(
            f"there is no device '{device}': torch sees {torch.cuda.device_count()} GPUs",
            next_step="choose another one, or remove --device",
            value=name,
        )
    return device


def multiplies_bfloat16(device: torch.device) -> bool:
    """Returns whether the device multiplies bfloat16 in hardware: a GPU since Ampere.

    Example:
        >>> multiplies_bfloat16(torch.device("cpu"))
        False
    """
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


BUILDING_BYTES_PER_EDGE = 160
_STATE, _ONE_LAYER, _MORE_LAYERS = 4, 2, 5  # vectors per node
_CHOSEN = 4  # vectors per query node or candidate
_NUMBER = 4  # bytes of a float32
_BOTH_WAYS, _PAIR = 24, 12


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """The peak memory of a training in bytes, by use.

    Args:
        rows: Own rows, gradients and moments of all nodes.
        layers: The propagated vectors of a step, and their gradients.
        scores: The scores of a step, with the vectors of queries and candidates, or those of a
            block of the validation.
        edges: Operators, and the pairs of the target edge types.
    """

    rows: int
    layers: int
    scores: int
    edges: int

    @property
    def total(self) -> int:
        return self.rows + self.layers + self.scores + self.edges


def memory_need(
    num_nodes: Mapping[str, int],
    messages: Sequence[RelationOperator],
    supervised: Sequence[SupervisedEdges],
    config: GnnConfig,
    *,
    num_processes: int = 1,
) -> MemoryNeed:
    """Estimates the memory of a training; see the module docstring.

    Args:
        num_processes: The number of processes that share the queries of every step.
    """
    vector = config.dim * _NUMBER
    nodes = sum(num_nodes.values())
    per_node = 0 if not config.num_layers else _ONE_LAYER
    per_node = _MORE_LAYERS if config.num_layers > 1 else per_node
    layers = vector * nodes * (per_node + (config.node_dropout > 0))
    if config.learn_relation_weights:
        reached = sum(num_nodes[message.target] for message in messages)
        layers += vector * reached * config.num_layers
    entries = sum(message.operator.rows.values().numel() for message in messages)
    pairs = sum(csr.values().numel() for one in supervised for csr in (one.positives, one.disliked))
    return MemoryNeed(
        rows=_STATE * vector * nodes,
        layers=layers,
        scores=max(_scores(one, config, num_processes) for one in supervised),
        edges=_BOTH_WAYS // 2 * entries + _PAIR * pairs,
    )


def _scores(edges: SupervisedEdges, config: GnnConfig, num_processes: int) -> int:
    num_queries, num_targets = len(edges.query_rows), len(edges.taken)
    queries = -(-min(config.batch_size, num_queries) // num_processes)
    candidates = num_candidates(edges, config)
    matrices = 2.5 if config.bfloat16 else 2
    step = round(matrices * queries * candidates) + _CHOSEN * config.dim * (queries + candidates)
    validation = 0
    if config.patience is not None:
        validation = 2 * min(BLOCK_SCORES, num_queries * num_targets)
    return _NUMBER * max(step, validation)


def check_building(graph: HeteroData, *, num_processes: int = 1) -> None:
    """Checks that the operators of a graph can be built in the machine's memory.

    Args:
        num_processes: The number of processes that build them on this machine at once.

    Raises:
        InsufficientMemoryError: They do not fit.
    """
    edges: Counter[tuple[str, str]] = Counter()
    for edge_type in edge_types_of(graph):
        edges[edge_type.source, edge_type.target] += graph[edge_type].edge_index.shape[1]
    need = BUILDING_BYTES_PER_EDGE * max(edges.values(), default=0) * num_processes
    free = available_bytes()
    if need > free:
        ends, largest = edges.most_common(1)[0]
        raise InsufficientMemoryError(
            f"to read the {largest:,} edges from {ends[0]} to {ends[1]} takes about "
            f"{_gigabytes(need)} of memory, but only {_gigabytes(free)} are free",
            next_step="train with a snapshot of fewer events, or on a machine with more memory",
            value=need,
        )


def check_fits(
    need: MemoryNeed, config: GnnConfig, device: torch.device, *, num_processes: int = 1
) -> None:
    """Checks that a training fits on a device.

    Args:
        num_processes: The number of processes on this device; more than one only without a GPU.

    Raises:
        InsufficientMemoryError: It does not; the message lists the parts and what to lower.
    """
    free = free_bytes(device) // num_processes
    wanted = need.total
    if device.type != "cuda":
        wanted -= need.edges  # they are already in the machine's memory
    if wanted <= free:
        return
    scores = (
        f"batch_size ({config.batch_size}) or num_random_negatives ({config.num_random_negatives})"
    )
    dim = f"dim ({config.dim})"
    first, second = (scores, dim) if need.scores > need.rows + need.layers else (dim, scores)
    raise InsufficientMemoryError(
        f"training needs about {_gigabytes(wanted)} on {device}, where {_gigabytes(free)} are "
        f"free: rows with gradients and moments {_gigabytes(need.rows)}, layers "
        f"{_gigabytes(need.layers)}, scores {_gigabytes(need.scores)}, edges "
        f"{_gigabytes(need.edges)}",
        next_step=f"lower {first} above all, then {second}",
        value=wanted,
    )


def _gigabytes(number: int) -> str:
    return f"{number / 2**30:,.2f} GB"
