"""Chooses how short vectors may be: the smallest whose recall on held-out pairs is near the best.

Only what is new to the user is asked for, products and groups such as brands: what was taken before
is ranked by habits, which stand beside the vectors and are exact. First every number of dimensions
is measured in float32, then short numbers, the fewest bytes first, until one is near enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency, VectorType
from graphrec.bundle.short_vectors import bytes_per_node, rounded_to
from training.compression import CompressionConfig, Rotation
from training.encoders import Vectors
from training.evaluation.metrics import VectorScorer, metrics_at_k
from training.evaluation.tasks import ALL, first_tasks
from training.pairs import sampled
from training.sparse_ops import csr_of
from training.splitting.split import Holdout

_ENOUGH = (15_000, 256, 2_000)  # true pairs, and query nodes at least and at most
_ENOUGH_QUERIES = 100  # fewer cannot tell one size from another
_SHORT: tuple[VectorType, ...] = ("int8", "float16", "float32")
_UNMEASURED: VectorType = "float16"  # rounds by less than any choice of dimensions


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Known answers to measure vectors by.

    Args:
        name: Such as 'new products'.
        taken: What each query node has, CSR [num_queries, num_targets]; never an answer.
        truth: Of some query nodes, what they took that is new to them.
    """

    name: str
    query_type: str
    target_type: str
    taken: torch.Tensor
    truth: Adjacency


@dataclass(frozen=True, slots=True)
class Measured:
    """One size, with the recall of each question."""

    dim: int
    vector_type: VectorType
    recalls: tuple[float, ...]

    @property
    def bytes_per_node(self) -> int:
        return bytes_per_node(self.dim, self.vector_type)


@dataclass(frozen=True, slots=True)
class CompressionChoice:
    """The chosen size, and what was measured.

    Args:
        full_dim: The dimensions of all blocks.
        questions: Their names, in the order of the recalls.
        curve: All sizes that were measured; empty where there was nothing to measure by.
    """

    dim: int
    vector_type: VectorType
    full_dim: int
    k: int
    questions: tuple[str, ...] = ()
    curve: tuple[Measured, ...] = ()

    @property
    def bytes_per_node(self) -> int:
        return bytes_per_node(self.dim, self.vector_type)

    def lines(self) -> list[str]:
        """What a person should know of it."""
        head = (
            f"vectors: {self.dim} dimensions in {self.vector_type}, {self.bytes_per_node:,} bytes "
            f"a node instead of {bytes_per_node(self.full_dim, 'float32'):,}"
        )
        if not self.curve:
            return [f"{head}, not measured"]
        full, chosen = self.curve[0], self._chosen
        found = zip(self.questions, chosen.recalls, full.recalls, strict=True)
        told = ", ".join(f"{name} {now:.4f} (was {before:.4f})" for name, now, before in found)
        return [head, f"  recall@{self.k} of {told}"]

    @property
    def _chosen(self) -> Measured:
        size = (self.dim, self.vector_type)
        return next(one for one in self.curve if (one.dim, one.vector_type) == size)

    def to_dict(self) -> dict[str, Any]:
        """What is kept in the manifest."""
        return {
            "dim": self.dim,
            "vector_type": self.vector_type,
            "full_dim": self.full_dim,
            "curve": [
                {
                    "dim": one.dim,
                    "vector_type": one.vector_type,
                    "bytes_per_node": one.bytes_per_node,
                    **{
                        f"{name}, recall@{self.k}": recall
                        for name, recall in zip(self.questions, one.recalls, strict=True)
                    },
                }
                for one in self.curve
            ],
        }

    def applied(self, config: CompressionConfig) -> CompressionConfig:
        """The config that makes the same choice without measuring."""
        # Vectors that were not shortened stay whole, also where later ones have a few more.
        dim = config.max_dim if self.dim == self.full_dim else self.dim
        return config.model_copy(update={"dim": dim, "vector_type": self.vector_type})


def questions_of(holdout: Holdout, schema: Schema, group_edge_type: EdgeType) -> list[Question]:
    """What is new to the users of a holdout: products, and groups such as brands.

    Only what enough users are asked about.
    """
    return [
        Question(
            task.name,
            task.query_type,
            task.target_type,
            csr_of(task.target.seen),
            sampled(task.truth, *_ENOUGH),
        )
        for task in first_tasks(holdout, schema, group_edge_type)
        if task.name != ALL and np.count_nonzero(task.truth.degrees()) >= _ENOUGH_QUERIES
    ]


def shortened(
    vectors: Vectors,
    query_type: str,
    config: CompressionConfig,
    questions: Sequence[Question],
    k: int,
) -> tuple[Vectors, CompressionChoice | None]:
    """The vectors along fewer dimensions, and the choice; None where the config asks for none.

    Args:
        vectors: Of all node types, float32 [num_nodes, dim].
        questions: To choose by; without any the config's own values are taken, or its defaults.
        k: The length of the lists.
    """
    if not config.enabled or not vectors:
        return vectors, None
    rotation = Rotation.of(vectors, query_type)
    full = next(iter(vectors.values())).shape[1]
    if questions and (config.dim is None or config.vector_type is None):
        choice = _chosen(vectors, rotation, config, questions, k)
    else:
        dim = min(config.dim or config.max_dim, config.max_dim)
        dim = full if dim >= rotation.num_axes else dim
        choice = CompressionChoice(dim, config.vector_type or _UNMEASURED, full, k)
    return rotation.shortened(vectors, choice.dim), choice


def _chosen(
    vectors: Vectors,
    rotation: Rotation,
    config: CompressionConfig,
    questions: Sequence[Question],
    k: int,
) -> CompressionChoice:
    full = next(iter(vectors.values())).shape[1]
    needed = {name for one in questions for name in (one.query_type, one.target_type)}
    asked = {name: vectors[name] for name in sorted(needed)}
    most = config.dim or config.max_dim
    turned = rotation.turned(asked, most)

    def measured(dim: int, vector_type: VectorType) -> Measured:
        some = asked if dim == full else {name: rows[:, :dim] for name, rows in turned.items()}
        rounded = {name: rounded_to(rows, vector_type) for name, rows in some.items()}
        return Measured(dim, vector_type, tuple(_recall(one, rounded, k) for one in questions))

    allowed = [config.dim] if config.dim else [*config.dims, config.max_dim]
    dims = sorted({dim if dim < rotation.num_axes else full for dim in allowed if dim <= most})
    curve = [measured(full, "float32")]
    curve += [measured(dim, "float32") for dim in dims if dim != full]
    best = np.max([one.recalls for one in curve], axis=0)

    def share(one: Measured) -> float:
        """The smallest share of the best recall that a question keeps."""
        kept = np.divide(one.recalls, best, out=np.ones_like(best), where=best > 0)
        return float(kept.min())

    by_dim = {one.dim: one for one in curve if one.dim in dims}
    types: Sequence[VectorType] = (config.vector_type,) if config.vector_type else _SHORT
    least = min(1 - config.tolerance, max(map(share, by_dim.values())))
    sizes = [(dim, kind) for dim in dims for kind in types if share(by_dim[dim]) >= least]
    sizes.sort(key=lambda size: (bytes_per_node(*size), size[0]))
    for dim, kind in sizes:
        one = by_dim[dim] if kind == "float32" else measured(dim, kind)
        if one not in curve:
            curve.append(one)
        if share(one) >= least:
            break
    else:
        one = max(curve[1:] or curve, key=share)
    names = tuple(question.name for question in questions)
    return CompressionChoice(one.dim, one.vector_type, full, k, names, tuple(curve))


def _recall(question: Question, vectors: Vectors, k: int) -> float:
    scorer = VectorScorer.between(vectors, question.query_type, question.target_type)
    return metrics_at_k(scorer, question.taken, question.truth, k).recall
