"""Builds, measures, writes and opens the indexes of a bundle.

Each index is measured before it is written: how many of the true best targets it finds, and how
much it reads to find them. The arrays of an exact index stay on disk until they are read.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphdb.atomic import write_file
from graphdb.errors import BundleCorruptError, BundleError
from graphdb.file_access import file_access
from graphdb.locking import locked
from graphrec.bundle import Bundle, open_bundle
from graphrec.bundle.files import BundleFiles
from graphrec.bundle.manifest import MANIFEST_NAME, IndexEntry, Measured
from graphrec.query.embeddings import EmbeddingMatrix, Rows, Similarity
from graphrec.query.index.base import Index, IndexConfig
from graphrec.query.index.exact import ExactMipsIndex
from graphrec.query.index.ivf import IvfIndex, has_faiss, write_ivf
from graphrec.query.index.orders import Order, Rotation, orders_of
from graphrec.query.topk import SearchQuery, exact_scores, keep_best, plan_search, top_k

Mask = npt.NDArray[np.bool_]

KS = (10, 100)
SHARES = (1.0, 0.1, 0.01)
"""What is measured: questions for more, or where fewer pass, are answered without an index."""


@dataclass(frozen=True, slots=True, eq=False)
class Exam:
    """For each share a mask, and for each k and share the true best of an order's queries."""

    order: Order
    masks: dict[float, Mask | None]
    truth: dict[tuple[int, float], Rows]

    @classmethod
    def of(cls, order: Order, random: np.random.Generator) -> "Exam":
        """Draws the masks and works out the truth without any index."""
        targets = order.targets
        masks = {
            share: None if share == 1 else random.random(len(targets)) < share for share in SHARES
        }
        truth = {}
        for share, mask in masks.items():
            rows, _ = top_k(
                order.queries,
                np.arange(len(order.queries)),
                targets,
                k=max(KS),
                similarity=order.similarity,
                mask=mask,
                excluded=order.itself,
            )
            truth.update({(k, share): rows[:, :k] for k in KS})
        return cls(order, masks, truth)

    def take(self, index: Index, k: int, share: float, positions: Rows) -> Measured:
        """What the index does for the queries at these positions."""
        found = index.propose(
            self.order.queries,
            positions,
            k=k,
            mask=self.masks[share],
            excluded=[self.order.itself[position] for position in positions],
        )
        scores = exact_scores(
            self.order.queries,
            positions[found.positions],
            self.order.targets,
            found.rows,
            self.order.similarity,
        )
        rows = np.full((len(positions), k), -1)
        keep_best(found.positions, found.rows, scores, rows, np.empty(rows.shape))
        true = self.truth[k, share][positions]
        missed = sum(
            len(np.setdiff1d(theirs[theirs >= 0], mine))
            for mine, theirs in zip(rows, true, strict=True)
        )
        return Measured(
            k=k,
            share=share,
            recall=1 - missed / max(int((true >= 0).sum()), 1),
            read_once=found.read_once,
            read_in_line=found.read_in_line / len(positions),
            read_at_random=found.read_at_random / len(positions),
        )


def write_exact_index(files: BundleFiles, entry: IndexEntry, index: ExactMipsIndex) -> None:
    """Writes the arrays of an index."""
    files.write_array(entry.path("rows.npy"), index.rows)
    files.write_array(entry.path("heads.npy"), index.heads)
    files.write_array(entry.path("lengths.npy"), index.lengths)
    turns = np.stack([index.rotation.for_queries, index.rotation.for_targets])
    files.write_array(entry.path("rotation.npy"), turns)


def read_exact_index(bundle: Bundle, entry: IndexEntry, targets: EmbeddingMatrix) -> ExactMipsIndex:
    """Opens an index; its arrays stay on disk until they are read.

    Raises:
        BundleCorruptError: An array is not what it has to be.
    """
    num_rows, dim = entry.num_rows, bundle.manifest.dim

    def array(part: str, dtype: Any, *shape: int) -> npt.NDArray[Any]:
        return bundle.index_array(entry, part, dtype, shape)

    rows = array("rows.npy", np.int32, num_rows)
    if rows.min() < 0 or rows.max() >= len(targets):
        raise BundleCorruptError(
            f"the index '{entry.name}' names rows {rows.min()} to {rows.max()}",
            expected=f"0 to {len(targets) - 1}",
            next_step="copy the bundle whole, or build the index again",
        )
    turns = array("rotation.npy", np.float64, 2, dim, dim)
    return ExactMipsIndex(
        targets,
        Similarity(entry.similarity),
        Rotation.of(turns[0], turns[1]),
        rows,
        array("heads.npy", np.float32, num_rows, entry.width or 0),
        array("lengths.npy", np.float32, num_rows),
    )


_WIDTH_TARGETS = 100_000
_WIDTH_QUERIES = 64
_WIDTHS = (2, 4, 8, 16, 24, 32, 48, 64)
_AT_RANDOM = (
    25  # a number of a vector somewhere, to one in line: 3 for one query node, 46 in a batch
)


@dataclass(frozen=True, slots=True)
class Built:
    """What became of one index.

    Args:
        name: Such as 'Product.dot'.
        entry: What the manifest says of it; None where none was written.
        reason: Why it is of its kind, or why there is none.
        seconds: What it took, measurements included.
    """

    name: str
    entry: IndexEntry | None
    reason: str
    seconds: float


@file_access("read or write")
def build_index(folder: str | Path, config: IndexConfig | None = None) -> list[Built]:
    """Builds indexes for the vectors of a bundle, and writes them into its folder.

    Every type with many vectors gets one for dot products and one for similarity, see `orders`. A
    process that has the bundle open goes on without them.

    Raises:
        BundleError: The bundle has indexes already, or `kind` asks for one that finds too little.
        QueryError: `kind` asks for FAISS, and it is not installed.
    """
    config = config or IndexConfig()
    manifest = open_bundle(folder, verify=False).folder / MANIFEST_NAME
    with locked(manifest):  # so that two do not write the files of one index at once
        return _build(folder, config)


def _build(folder: str | Path, config: IndexConfig) -> list[Built]:
    bundle = open_bundle(folder)
    if bundle.manifest.indexes:
        raise BundleError(
            f"'{folder}' has indexes already: {', '.join(bundle.manifest.indexes)}",
            next_step="write the bundle again to build others",
            value=str(folder),
        )
    files, path = BundleFiles(bundle.folder), bundle.folder / MANIFEST_NAME
    before = path.stat().st_ino
    try:
        built = [_built(order, files, config) for order in orders_of(bundle, config)]
        entries = {one.name: one.entry for one in built if one.entry is not None}
        manifest = bundle.manifest.model_copy(
            update={"indexes": entries, "files": {**bundle.manifest.files, **files.hashes}}
        )
        # One rename makes the indexes part of the bundle; what a crash leaves before is not listed.
        write_file(path, manifest.to_json(), BundleError)
    except BaseException:
        if path.stat().st_ino == before:  # no rename yet
            files.discard()
        raise
    return built


def _built(order: Order, files: BundleFiles, config: IndexConfig) -> Built:
    """One index, measured, and written if it is good for something."""
    began = time.perf_counter()
    exam = Exam.of(order, np.random.default_rng(config.seed))
    entry, reason = None, "asked for"
    if config.kind != "ivf":
        bounds, bound_entry = exact_index(order, exam)
        if config.kind == "bounds" or _pays(order, bound_entry):
            entry, reason = bound_entry, "exact"
            write_exact_index(files, entry, bounds)
        else:
            reason = "the exact index has to read too much"
    if entry is None and config.kind == "auto" and not has_faiss():
        reason += "; FAISS is not installed: graphrec[index] brings it"
    elif entry is None:
        index, ivf_entry = _ivf(order, exam, config)
        objection = _objection(order, ivf_entry, config)
        if not objection:
            entry = ivf_entry
            write_ivf(files, entry, index)
        elif config.kind == "ivf":
            raise BundleError(
                f"the index '{order.name}' is not good enough: {objection}",
                next_step="build with kind 'bounds', which is exact, or go without",
                value=order.name,
            )
        else:
            reason += f"; {objection}"
    return Built(order.name, entry, reason, time.perf_counter() - began)


def _objection(order: Order, entry: IndexEntry, config: IndexConfig) -> str:
    """Why an approximate index is not to be written; empty if it is."""
    worst = min(entry.measured, key=lambda one: one.recall)
    if worst.recall < config.min_recall:
        return (
            f"ivf finds {worst.recall:.4f} of the best {worst.k} where {worst.share:g} pass, "
            f"below {config.min_recall:g}"
        )
    if config.kind == "auto" and not _pays(order, entry):
        return "ivf has to look through too many lists"
    return ""


def exact_index(order: Order, exam: Exam) -> tuple[ExactMipsIndex, IndexEntry]:
    """The exact index with the width that reads least, and what it was measured to do."""
    index = ExactMipsIndex.build(order.targets, order.similarity, order.rotation, _width(order))
    everyone = np.arange(len(order.queries))
    measured = [exam.take(index, k, share, everyone) for k in KS for share in SHARES]
    return index, IndexEntry(
        kind="bounds",
        target_type=order.target_type,
        similarity=order.similarity.value,
        num_rows=len(index.rows),
        width=index.heads.shape[1],
        queries=order.counts,
        measured=tuple(measured),
    )


def _width(order: Order) -> int:
    """How many numbers to keep of each target, tried out on a part of the targets."""
    sample = np.arange(0, len(order.targets), max(len(order.targets) // _WIDTH_TARGETS, 1))
    part = EmbeddingMatrix.of(order.targets.vectors[sample])
    queries = np.arange(0, len(order.queries), max(len(order.queries) // _WIDTH_QUERIES, 1))

    def read(width: int) -> int:
        index = ExactMipsIndex.build(part, order.similarity, order.rotation, width)
        found = index.propose(order.queries, queries, k=KS[0], mask=None, excluded=[])
        return found.read_in_line + _AT_RANDOM * found.read_at_random

    return min((width for width in _WIDTHS if width <= max(part.dim, 2)), key=read)


def _ivf(order: Order, exam: Exam, config: IndexConfig) -> tuple[IvfIndex, IndexEntry]:
    """The approximate index.

    How many lists to look through is chosen with every other query node, and measured with the
    rest.
    """
    index = IvfIndex.build(order.targets, order.similarity, config.seed)
    choosing, measuring = (np.arange(start, len(order.queries), 2) for start in (0, 1))
    measured = []
    for k in KS:
        for share in SHARES:
            probes = _probes(index, exam, k, share, choosing, config.min_recall)
            taken = exam.take(index.with_probes(probes), k, share, measuring)
            measured.append(taken.model_copy(update={"probes": probes}))
    return index, IndexEntry(
        kind="ivf",
        target_type=order.target_type,
        similarity=order.similarity.value,
        num_rows=len(order.targets),
        queries=order.counts,
        measured=tuple(measured),
    )


def _probes(
    index: IvfIndex, exam: Exam, k: int, share: float, choosing: Rows, min_recall: float
) -> int:
    """The fewest lists, doubled from one, that miss half as much as is allowed."""
    probes = 1
    while probes < index.num_lists:
        if exam.take(index.with_probes(probes), k, share, choosing).recall >= (1 + min_recall) / 2:
            break
        probes = min(2 * probes, index.num_lists)
    return probes


def _pays(order: Order, entry: IndexEntry) -> bool:
    """Whether a single question for the usual number takes half as long as reading all, or less."""
    num_targets = len(order.targets)
    question = SearchQuery(num_targets, num_targets, order.targets.dim, num_queries=1, k=KS[0])
    return plan_search(question, entry).estimated_ms <= plan_search(question).estimated_ms / 2


MIN_RECALL = 0.99
