"""Implements the approximate index with FAISS's inverted lists.

Vectors are kept as 8 bits a number. Each target belongs to the list whose centre is nearest, and a
question searches the lists whose centres score best. The proposed targets are scored again exactly,
so scores and order are right, but a target in a list that was not searched is missed: `build`
measures how many are. FAISS is loaded together with the first such index.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from graphdb.errors import BundleCorruptError, QueryError
from graphrec.bundle.files import BundleFiles
from graphrec.bundle.manifest import SHARE_SLACK, IndexEntry
from graphrec.query.embeddings import LARGEST_SAFE, NO_ROWS, EmbeddingMatrix, Rows, Similarity
from graphrec.query.index.base import Proposal
from graphrec.query.index.orders import scaled

Mask = npt.NDArray[np.bool_]

_DEPTH = 4  # so many times k are proposed: 8 bits blur the order a little
_MIN_DEPTH = 100
_TRAINING_PER_LIST = 64
_ROUNDS = 10
_BLOCK_ROWS = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class IvfIndex:
    """FAISS's index over the targets of one type, for one similarity.

    Args:
        probes: (k, share of the targets that pass, lists to look through), in any order.
    """

    faiss_index: Any
    targets: EmbeddingMatrix
    probes: tuple[tuple[int, float, int], ...]

    @classmethod
    def build(cls, targets: EmbeddingMatrix, similarity: Similarity, seed: int) -> "IvfIndex":
        """Finds the centres and puts every target into its list."""
        faiss = load_faiss()
        num_lists = max(min(int(4 * np.sqrt(len(targets))), len(targets)), 1)
        index = faiss.index_factory(targets.dim, f"IVF{num_lists},SQ8", faiss.METRIC_INNER_PRODUCT)
        index.cp.seed, index.cp.niter = seed, _ROUNDS
        index.cp.max_points_per_centroid = _TRAINING_PER_LIST
        index.cp.min_points_per_centroid = 1
        random = np.random.default_rng(seed)
        size = min(len(targets), _TRAINING_PER_LIST * num_lists)
        sample = np.sort(random.choice(len(targets), size, replace=False))
        index.train(scaled(targets, similarity, sample).astype(np.float32))
        for start in range(0, len(targets), _BLOCK_ROWS):
            part = slice(start, start + _BLOCK_ROWS)
            index.add(scaled(targets, similarity, part).astype(np.float32))
        return cls(index, targets, ())

    @property
    def num_lists(self) -> int:
        return int(self.faiss_index.nlist)

    def with_probes(self, num_lists: int) -> "IvfIndex":
        """The same, looking through that many lists whatever is asked."""
        return replace(self, probes=((sys.maxsize, 0.0, num_lists),))

    def can_serve(self, queries: EmbeddingMatrix) -> bool:
        """Whether no float32 number can overflow on the way."""
        return max(queries.max_norm, 1.0) * max(self.targets.max_norm, 1.0) < LARGEST_SAFE

    def propose(
        self,
        queries: EmbeddingMatrix,
        query_rows: Rows,
        *,
        k: int,
        mask: Mask | None,
        excluded: Sequence[npt.NDArray[np.integer]],
    ) -> Proposal:
        """The best by 8-bit scores among the targets of the lists that are looked through.

        One query node after the other: a batch would choose its lists by a matrix product, whose
        rounding depends on the batch.
        """
        faiss = load_faiss()
        passing = len(self.targets) if mask is None else int(np.count_nonzero(mask))
        num_probes = self.num_probes(k, passing / max(len(self.targets), 1))
        bits = None if mask is None else np.packbits(mask, bitorder="little")
        depth = min(max(_DEPTH * k, _MIN_DEPTH), len(self.targets))
        positions, rows = [], []
        for position, row in enumerate(query_rows):
            forbidden = excluded[position] if len(excluded) else NO_ROWS
            settings = faiss.SearchParametersIVF(nprobe=num_probes)
            allowed = _allowed(bits, forbidden, len(self.targets))
            if allowed is not None:
                settings.sel = faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(allowed))
            _, found = self.faiss_index.search(
                queries.vectors[row : row + 1], depth, params=settings
            )
            kept = np.sort(found[0][found[0] >= 0])
            positions.append(np.full(len(kept), position))
            rows.append(kept)
        looked_at = num_probes / self.num_lists * passing * self.targets.dim * len(query_rows)
        proposed = Proposal(
            np.concatenate(positions or [NO_ROWS]),
            np.concatenate(rows or [NO_ROWS]),
            0,
            int(looked_at) + self.num_lists * self.targets.dim * len(query_rows),
            sum(map(len, rows)) * self.targets.dim,
        )
        return proposed

    def num_probes(self, k: int, share: float) -> int:
        """Those of the nearest k and share that are no easier; else all lists."""
        harder = [one for one in self.probes if one[0] >= k and one[1] <= SHARE_SLACK * share]
        nearest = min(harder, key=lambda one: (-one[1], one[0]), default=(k, share, self.num_lists))
        return nearest[2]


def has_faiss() -> bool:
    return find_spec("faiss") is not None


def load_faiss() -> ModuleType:
    """The package, loaded when it is first needed.

    Raises:
        QueryError: It is not installed.
    """
    if not has_faiss():
        raise QueryError(
            "an approximate index needs FAISS, which is not installed",
            next_step="install graphrec[index], or build the index with kind 'bounds'",
            value="faiss",
        )
    import faiss

    module: ModuleType = faiss
    return module


def write_ivf(files: BundleFiles, entry: IndexEntry, index: IvfIndex) -> None:
    """Writes FAISS's own format."""
    path = entry.path("faiss")
    files.write_with(path, lambda target: load_faiss().write_index(index.faiss_index, str(target)))


def read_ivf(path: Path, entry: IndexEntry, targets: EmbeddingMatrix) -> IvfIndex:
    """Reads it back.

    Raises:
        QueryError: FAISS is not installed.
        BundleCorruptError: The file is not such an index, or of other vectors.
    """
    faiss = load_faiss()
    try:
        index = faiss.read_index(str(path))
    except RuntimeError as error:
        raise BundleCorruptError(
            f"'{path}' cannot be read by FAISS: {error}",
            next_step="copy the bundle whole, or build the index again",
            value=str(path),
        ) from error
    if not isinstance(index, faiss.IndexIVF) or (index.d, index.ntotal) != (
        targets.dim,
        len(targets),
    ):
        raise BundleCorruptError(
            f"'{path}' holds {getattr(index, 'ntotal', 0)} vectors of length {index.d}",
            expected=f"inverted lists of {len(targets)} vectors of length {targets.dim}",
            next_step="copy the bundle whole, or build the index again",
            value=str(path),
        )
    probes = tuple((one.k, one.share, one.probes or 1) for one in entry.measured)
    return IvfIndex(index, targets, probes)


def _allowed(
    bits: npt.NDArray[np.uint8] | None, excluded: npt.NDArray[np.integer], num_targets: int
) -> npt.NDArray[np.uint8] | None:
    """One bit per target, or None where all may come out."""
    if not len(excluded):
        return bits
    all_bits = np.full((num_targets + 7) // 8, 255, dtype=np.uint8)
    allowed = all_bits if bits is None else bits.copy()
    np.bitwise_and.at(allowed, excluded >> 3, (~(1 << (excluded & 7))).astype(np.uint8))
    return allowed
