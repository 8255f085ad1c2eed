"""An index together with what is known about it."""

from dataclasses import dataclass

from graphrec.bundle.index_entry import IndexEntry
from graphrec.query.index.protocol import Index


@dataclass(frozen=True, slots=True, eq=False)
class ServedIndex:
    """What the planner needs to know, and what it then asks.

    Args:
        min_recall: Below this measured recall the planner does not use it.
    """

    index: Index
    entry: IndexEntry
    min_recall: float
