"""How the exact index lies in a bundle."""

from typing import Any

import numpy as np
import numpy.typing as npt

from graphdb.errors import BundleCorruptError
from graphrec.bundle import Bundle
from graphrec.bundle.files import BundleFiles
from graphrec.bundle.index_entry import IndexEntry
from graphrec.query.index.bounds import BoundIndex
from graphrec.query.index.rotation import Rotation
from graphrec.query.propose import Similarity
from graphrec.query.space import Space


def write_bounds(files: BundleFiles, entry: IndexEntry, index: BoundIndex) -> None:
    """Writes the arrays of an index."""
    files.write_array(entry.path("rows.npy"), index.rows)
    files.write_array(entry.path("heads.npy"), index.heads)
    files.write_array(entry.path("lengths.npy"), index.lengths)
    turns = np.stack([index.rotation.for_seeds, index.rotation.for_targets])
    files.write_array(entry.path("rotation.npy"), turns)


def read_bounds(bundle: Bundle, entry: IndexEntry, targets: Space) -> BoundIndex:
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
    return BoundIndex(
        targets,
        Similarity(entry.similarity),
        Rotation.of(turns[0], turns[1]),
        rows,
        array("heads.npy", np.float32, num_rows, entry.width or 0),
        array("lengths.npy", np.float32, num_rows),
    )
