"""Chooses how short vectors may be: the smallest whose recall on validation is near the best.

Only what is new to the user is asked for, products and groups such as brands: what was taken before
is ranked by habits, which stand beside the vectors and are exact. First every number of dimensions
is measured in float32, then short numbers, the fewest bytes first, until one is near enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphrec.bundle import VectorType
from graphrec.bundle.short_vectors import bytes_per_node, rounded_to
from training.compression import CompressionConfig, Rotation
from training.encoders import Vectors
from training.trials import KnownAnswers

FEWEST_QUERIES = 100  # fewer cannot tell one size from another
_SHORT: tuple[VectorType, ...] = ("int8", "float16", "float32")


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
        curve: All sizes that were measured, the whole vectors first.
    """

    dim: int
    vector_type: VectorType
    full_dim: int
    k: int
    questions: tuple[str, ...]
    curve: tuple[Measured, ...]

    def lines(self) -> list[str]:
        """What a person should know of it."""
        size = bytes_per_node(self.dim, self.vector_type)
        head = (
            f"vectors: {self.dim} dimensions in {self.vector_type}, {size:,} bytes a node instead "
            f"of {bytes_per_node(self.full_dim, 'float32'):,}"
        )
        chosen, full = (self.dim, self.vector_type), self.curve[0]
        now = next(one for one in self.curve if (one.dim, one.vector_type) == chosen)
        found = zip(self.questions, now.recalls, full.recalls, strict=True)
        told = ", ".join(f"{name} {now:.4f} (was {before:.4f})" for name, now, before in found)
        return [head, f"  recall@{self.k} of {told}"]

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
        dim = None if self.dim == self.full_dim else self.dim
        return config.model_copy(update={"dim": dim, "vector_type": self.vector_type})


def chosen_size(
    vectors: Vectors,
    query_type: str,
    config: CompressionConfig,
    answers: Sequence[KnownAnswers],
    k: int,
) -> CompressionChoice | None:
    """The smallest size that is near enough to the best, of what the config leaves open.

    Args:
        vectors: Of all node types, float32 [num_nodes, dim].
        answers: What to measure by; where too few query nodes have some, they are left out.
        k: The length of the lists.

    Returns:
        None where nothing is open, or nothing is left to choose by.
    """
    asked = [one for one in answers if one.num_queries >= FEWEST_QUERIES]
    if not (config.is_open and asked):
        return None
    full = next(iter(vectors.values())).shape[1]
    rotation = Rotation.of(vectors, query_type)
    allowed = config.dims if config.dim is None else (config.dim,)
    dims = sorted({dim for dim in allowed if dim < rotation.num_axes})
    if config.dim is None or not dims:
        dims.append(full)
    needed = {name for one in asked for name in (one.query_type, one.target_type)}
    ends = {name: vectors[name] for name in sorted(needed)}
    turned = rotation.turned(ends, max((dim for dim in dims if dim != full), default=1))

    def measured(dim: int, vector_type: VectorType) -> Measured:
        some = ends if dim == full else {name: rows[:, :dim] for name, rows in turned.items()}
        rounded = {name: rounded_to(rows, vector_type) for name, rows in some.items()}
        return Measured(dim, vector_type, tuple(one.found_in(rounded, k).recall for one in asked))

    whole = {dim: measured(dim, "float32") for dim in sorted({full, *dims})}
    best = np.max([one.recalls for one in whole.values()], axis=0)

    def share(one: Measured) -> float:
        """The smallest share of the best recall that a question keeps."""
        kept = np.divide(one.recalls, best, out=np.ones_like(best), where=best > 0)
        return float(kept.min())

    curve = [whole[full], *(one for dim, one in whole.items() if dim != full)]
    types: Sequence[VectorType] = (config.vector_type,) if config.vector_type else _SHORT
    least = min(1 - config.tolerance, max(share(whole[dim]) for dim in dims))
    sizes = [(dim, kind) for dim in dims for kind in types if share(whole[dim]) >= least]
    sizes.sort(key=lambda size: (bytes_per_node(*size), size[0]))
    for dim, kind in sizes:
        one = whole[dim] if kind == "float32" else measured(dim, kind)
        if one not in curve:
            curve.append(one)
        if share(one) >= least:
            break
    else:  # only where the config allows no float32
        one = max((one for one in curve if one.vector_type in types), key=share)
    names = tuple(one.name for one in asked)
    return CompressionChoice(one.dim, one.vector_type, full, k, names, tuple(curve))
