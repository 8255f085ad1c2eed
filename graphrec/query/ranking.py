"""The one ranking function under every query."""

from threading import Lock

import numpy as np
import numpy.typing as npt

from graphdb.errors import QueryError
from graphrec.bundle import Bundle
from graphrec.query.filters import Filters
from graphrec.query.index.opened import Indexes
from graphrec.query.masks import filter_mask
from graphrec.query.paths import Paths
from graphrec.query.propose import Similarity
from graphrec.query.seen import check_seen_known, seen_rows
from graphrec.query.space import Space
from graphrec.query.topk import Excluded, Rows, Scores, top_k


class Ranker:
    """Ranks rows of one type for rows of another."""

    def __init__(self, bundle: Bundle, paths: Paths) -> None:
        self._bundle = bundle
        self._paths = paths
        self._spaces: dict[str, Space] = {}
        self._lock = Lock()
        self._indexes = Indexes(bundle, self.space)

    def rank(
        self,
        similarity: Similarity,
        seed_type: str,
        seed_rows: npt.NDArray[np.int64],
        target_type: str,
        *,
        k: int,
        filters: Filters | None,
        exclude_seen: bool,
    ) -> tuple[Rows, Scores]:
        """Candidates are the target type, less what filters and seen take away; then top-k.

        Returns:
            Rows int64 [num_seeds, k], padded with -1, and scores float64 [num_seeds, k], padded
            with -inf; best first, equal scores by ascending row. A seed with a zero vector gets
            nothing, and a node never gets itself.

        Raises:
            QueryError: Anything in the question that the bundle has no answer to.
        """
        seeds, targets = self.space(seed_type), self.space(target_type)
        seed_rows = _checked_rows(seed_type, seed_rows, len(seeds))
        mask = filter_mask(self._bundle, self._paths, filters, target_type)
        known = np.flatnonzero(~seeds.zero[seed_rows])
        found = top_k(
            seeds,
            seed_rows[known],
            targets,
            k=k,
            similarity=similarity,
            mask=mask,
            excluded=self._excluded(seed_type, seed_rows[known], target_type, exclude_seen),
            index=self._indexes.of(target_type, similarity),
        )
        return _spread(found, known, len(seed_rows))

    def rank_vector(
        self,
        vector: npt.NDArray[np.float32],
        target_type: str,
        *,
        k: int,
        filters: Filters | None,
        excluded: Rows,
    ) -> tuple[Rows, Scores]:
        """The same for one vector, by dot product.

        Args:
            vector: float32 [dim], not zero.
            excluded: Target rows that must not come out.

        Returns:
            Rows int64 [k] and scores float64 [k], padded and ordered as those of `rank`.

        Raises:
            QueryError: As for `rank`, or the vector is not of that kind.
        """
        targets = self.space(target_type)
        rows, scores = top_k(
            Space.of(_checked_vector(vector, targets.dim)[None]),
            np.zeros(1, dtype=np.int64),
            targets,
            k=k,
            mask=filter_mask(self._bundle, self._paths, filters, target_type),
            excluded=lambda _: excluded,
            index=self._indexes.of(target_type, Similarity.DOT),
        )
        return rows[0], scores[0]

    def space(self, node_type: str) -> Space:
        """The vectors of a type, measured when first asked for."""
        with self._lock:
            if node_type not in self._spaces:
                self._spaces[node_type] = Space.of(
                    self._bundle.vectors(node_type), self._bundle.norms(node_type)
                )
            return self._spaces[node_type]

    def _excluded(
        self, seed_type: str, seed_rows: Rows, target_type: str, exclude_seen: bool
    ) -> Excluded | None:
        """Per seed the rows it must not get, worked out block by block as ranking goes on."""
        itself = seed_type == target_type
        if exclude_seen:
            check_seen_known(self._paths, seed_type, target_type)
        elif not itself:
            return None

        def excluded(position: int) -> Rows:
            row = int(seed_rows[position])
            barred = [np.array([row])] if itself else []
            if exclude_seen:
                barred.append(seen_rows(self._paths, seed_type, target_type, row))
            return np.concatenate(barred)

        return excluded


def _checked_rows(
    seed_type: str, seed_rows: npt.ArrayLike, num_seeds: int
) -> npt.NDArray[np.int64]:
    rows = np.asarray(seed_rows, dtype=np.int64)
    outside = rows[(rows < 0) | (rows >= num_seeds)]
    if len(outside):
        raise QueryError(
            f"there is no {seed_type} row {outside[0]}",
            expected=f"0 to {num_seeds - 1}",
            value=int(outside[0]),
        )
    return rows


def _checked_vector(vector: npt.ArrayLike, dim: int) -> npt.NDArray[np.float32]:
    array = np.asarray(vector, dtype=np.float32)
    if array.shape != (dim,) or not np.isfinite(array).all() or not array.any():
        raise QueryError(
            f"the vector to recommend for has shape {list(array.shape)}, or is zero or not finite",
            expected=f"{dim} finite numbers, not all zero, such as `encode_new` gives",
            value=vector,
        )
    return array


def _spread(
    found: tuple[Rows, Scores], positions: npt.NDArray[np.int64], num_seeds: int
) -> tuple[Rows, Scores]:
    """Puts the answers of the known seeds in their places; the others stay empty."""
    rows, scores = found
    if len(positions) == num_seeds:
        return rows, scores
    all_rows = np.full((num_seeds, rows.shape[1]), -1, dtype=np.int64)
    all_scores = np.full((num_seeds, rows.shape[1]), -np.inf)
    all_rows[positions], all_scores[positions] = rows, scores
    return all_rows, all_scores
