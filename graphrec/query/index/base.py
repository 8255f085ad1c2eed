"""Defines the interface of an index, how indexes are configured, and what an index proposes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from graphrec.bundle.manifest import IndexEntry
from graphrec.query.embeddings import NO_ROWS, EmbeddingMatrix, Rows


class IndexConfig(BaseModel):
    """What `build_index` builds.

    Args:
        kind: 'bounds' is exact; 'ivf' is FAISS's inverted lists, approximate, and needs
            graphrec[index]; 'auto' takes 'bounds' where it pays, else 'ivf' where that pays and
            finds enough, else none. To pay is to take at most half as long as reading all.
        min_targets: Types with fewer nodes get none: reading them all takes about as long as
            asking an index.
        min_recall: 'ivf' must find this share of the true best k, in the mean, at every k and share
            that is measured.
        num_queries: How many sampled queries measure it, of all types together.
        seed: Of all that is drawn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["auto", "bounds", "ivf"] = "auto"
    min_targets: int = Field(default=20_000, ge=1)
    min_recall: float = Field(default=0.99, gt=0, le=1)
    num_queries: int = Field(default=128, ge=2)
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """Pairs to be scored exactly, and what finding them took.

    Args:
        positions: int64 [num_pairs], of the query node in its batch, ascending.
        rows: int64 [num_pairs], of the target.
        read_once: Numbers of vectors read here and there for all queries together.
        read_in_line: Numbers read one after the other, of all queries together.
        read_at_random: Numbers of vectors read here and there.
    """

    positions: Rows
    rows: Rows
    read_once: int
    read_in_line: int
    read_at_random: int

    @classmethod
    def joined(cls, parts: Sequence["Proposal"]) -> "Proposal":
        """Those of consecutive queries as one."""
        if not parts:
            return cls(NO_ROWS, NO_ROWS, 0, 0, 0)
        return cls(
            np.concatenate([part.positions for part in parts]),
            np.concatenate([part.rows for part in parts]),
            sum(part.read_once for part in parts),
            sum(part.read_in_line for part in parts),
            sum(part.read_at_random for part in parts),
        )


class Index(Protocol):
    """Finds targets of one type for one similarity; `topk` scores exactly what it proposes."""

    def can_serve(self, queries: EmbeddingMatrix) -> bool:
        """Whether it may be asked for these queries: no number may overflow on the way.

        All of the space counts, not those of one batch: what is found must not depend on that.
        """
        ...

    def propose(
        self,
        queries: EmbeddingMatrix,
        query_rows: Rows,
        *,
        k: int,
        mask: npt.NDArray[np.bool_] | None,
        excluded: Sequence[npt.NDArray[np.integer]],
    ) -> Proposal:
        """(Position in `query_rows`, target row) pairs, the best k of each query node among them.

        The pairs of a query node do not depend on the batch it comes in, or hold its true best k
        anyway.

        Args:
            mask: bool [num_targets], the targets that may come out; all by default.
            excluded: Per query node the target rows that it must not get; empty for none at all.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ServedIndex:
    """What the planner needs to know, and what it then asks.

    Args:
        min_recall: Below this measured recall the planner does not use it.
    """

    index: Index
    entry: IndexEntry
    min_recall: float
