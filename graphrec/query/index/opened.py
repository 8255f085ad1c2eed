"""The indexes of an open bundle."""

from collections.abc import Callable

from graphdb.fork_lock import ForkLock
from graphrec.bundle import Bundle
from graphrec.query.index.bound_files import read_bounds
from graphrec.query.index.ivf import read_ivf
from graphrec.query.index.served import ServedIndex
from graphrec.query.propose import Similarity
from graphrec.query.space import Space

MIN_RECALL = 0.99


class Indexes:
    """Opens each index when it is first asked for. Safe to use from several threads.

    Args:
        space: Gives the vectors of a node type.
        min_recall: An approximate index that was measured to find less is not used.
    """

    def __init__(
        self, bundle: Bundle, space: Callable[[str], Space], min_recall: float = MIN_RECALL
    ) -> None:
        self._bundle = bundle
        self._space = space
        self._min_recall = min_recall
        self._opened: dict[str, ServedIndex] = {}
        self._lock = ForkLock()

    def of(self, target_type: str, similarity: Similarity) -> ServedIndex | None:
        """The index for these questions; None where the bundle has none.

        Raises:
            BundleCorruptError: A file is not what it has to be.
            QueryError: The index is FAISS's, and FAISS is not installed.
        """
        name = f"{target_type}.{similarity}"
        if name not in self._bundle.manifest.indexes:
            return None
        targets = self._space(target_type)
        with self._lock:
            if name not in self._opened:
                self._opened[name] = self._open(name, targets)
            return self._opened[name]

    def _open(self, name: str, targets: Space) -> ServedIndex:
        entry = self._bundle.manifest.indexes[name]
        if entry.kind == "bounds":
            return ServedIndex(read_bounds(self._bundle, entry, targets), entry, self._min_recall)
        path = self._bundle.file(entry.path("faiss"))
        return ServedIndex(read_ivf(path, entry, targets), entry, self._min_recall)
