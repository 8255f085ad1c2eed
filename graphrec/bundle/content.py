"""What is in the files of a bundle has to fit together: a hash says only who wrote them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from graphdb.errors import BundleCorruptError, BundleError, SchemaError
from graphrec.bundle.checks import (
    check_adjacency,
    check_node_table,
    check_vectors,
    newest_event,
)
from graphrec.bundle.index_entry import IndexEntry
from graphrec.bundle.loading import COPY_WHOLE, read_table
from graphrec.bundle.manifest import edge_paths, node_path, norms_path, quality_path, vector_path
from graphrec.bundle.quality import Quality, check_quality

if TYPE_CHECKING:
    from graphrec.bundle.reader import Bundle


_ROUNDING = 1e-9  # of sums in another order, as other processors have it


def check_bundle(bundle: "Bundle") -> None:
    """Checks everything that `write_bundle` checks, and what it works out from that.

    Raises:
        BundleCorruptError: Names the file and what is wrong in it.
    """
    manifest, schema = bundle.manifest, bundle.schema
    for node_type in bundle.node_types:
        with _corrupt(bundle.folder / node_path(node_type)):
            # Not by `attributes`, which keeps the table: most questions never look at most of them.
            table = read_table(bundle.file(node_path(node_type)))
            check_node_table(schema, node_type, table)
        if bundle.has_quality(node_type):
            with _corrupt(bundle.folder / quality_path(node_type)):
                found = read_table(bundle.file(quality_path(node_type)))
                quality = Quality(found, manifest.quality[node_type])
                check_quality(node_type, quality, manifest.num_nodes[node_type])
        if bundle.has_vectors(node_type):
            with _corrupt(bundle.folder / vector_path(node_type)):
                norms = check_vectors(node_type, bundle.vectors(node_type), manifest.num_nodes)
            kept = bundle.norms(node_type)
            if kept is not None:
                with _corrupt(bundle.folder / norms_path(node_type)):
                    _check_norms(kept, norms)
    for edge_type in bundle.edge_types:
        with _corrupt(bundle.folder / edge_paths(edge_type)[1]):
            check_adjacency(
                schema, edge_type, bundle.edges(edge_type), manifest.num_nodes, manifest.cutoff
            )
    for entry in manifest.indexes.values():
        if entry.kind == "bounds":
            with _corrupt(bundle.folder / entry.path("rows.npy")):
                _check_bounds(bundle, entry)
    newest = newest_event({one: bundle.edges(one) for one in bundle.edge_types})
    if manifest.newest_event_at not in (None, newest):
        raise BundleCorruptError(
            f"the manifest says that the newest event was at {manifest.newest_event_at}",
            expected=f"{newest}, as the edges have it",
            next_step=COPY_WHOLE,
            value=manifest.newest_event_at,
        )
    if not any(map(bundle.has_vectors, bundle.node_types)):
        raise BundleCorruptError("no node type has vectors", expected="at least one")


@contextmanager
def _corrupt(path: Path) -> Iterator[None]:
    """Names the file that a check was of."""
    try:
        yield
    except BundleCorruptError:
        raise
    except (BundleError, SchemaError) as error:
        raise BundleCorruptError(
            f"'{path}' is damaged: {error}", next_step=COPY_WHOLE, value=error.value
        ) from error


def _check_norms(kept: npt.NDArray[np.float64], norms: npt.NDArray[np.float64]) -> None:
    odd = np.flatnonzero(~np.isclose(kept, norms, rtol=_ROUNDING, atol=0))
    if len(odd):
        raise BundleError(
            f"the length of row {odd[0]} is {kept[odd[0]]}",
            expected=f"{norms[odd[0]]}, as its vector has",
            value=int(odd[0]),
        )


def _check_bounds(bundle: "Bundle", entry: IndexEntry) -> None:
    """Checks the parts of an exact index that are cheap to check."""
    num_rows, dim, width = entry.num_rows, bundle.manifest.dim, entry.width or 0
    rows = bundle.index_array(entry, "rows.npy", np.int32, (num_rows,))
    seen = np.zeros(bundle.num_nodes(entry.target_type), dtype=np.bool_)
    if rows.min() < 0 or rows.max() >= len(seen):
        raise BundleError(
            f"it names rows {rows.min()} to {rows.max()}", expected=f"0 to {len(seen) - 1}"
        )
    seen[rows] = True
    if np.count_nonzero(seen) != num_rows:
        raise BundleError("it names a row twice", expected="each row at most once")
    lengths = bundle.index_array(entry, "lengths.npy", np.float32, (num_rows,))
    parts: dict[str, npt.NDArray[np.floating]] = {
        "heads": bundle.index_array(entry, "heads.npy", np.float32, (num_rows, width)),
        "lengths": lengths,
        "rotation": bundle.index_array(entry, "rotation.npy", np.float64, (2, dim, dim)),
    }
    for name, part in parts.items():
        if not np.isfinite(part).all():
            raise BundleError(f"its {name} are not finite", expected="no NaN and no infinity")
    if (lengths < 0).any() or (np.diff(lengths) > 0).any():
        raise BundleError("its lengths do not fall", expected="the longest first, none negative")
