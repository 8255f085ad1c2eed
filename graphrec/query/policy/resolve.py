"""From the ids of a policy to rows of a bundle."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.errors import BadFilterError, PolicyError, SchemaError
from graphrec.query.conditions import Columns, Conditions
from graphrec.query.rows import NO_ROWS, Rows

_SHOWN = 3


class Resolver:
    """Finds nodes, and remembers the ids that are not there.

    Attributes:
        unknown: Per node type the ids that the bundle does not hold, each with what named it.
    """

    def __init__(self, columns: Columns) -> None:
        self._bundle = columns.bundle
        self._columns = columns
        self.unknown: dict[str, list[tuple[str, str]]] = {}

    def rows(self, node_type: str, ids: Sequence[str], named_by: str) -> Rows:
        """The rows of those ids that the bundle holds, ascending and distinct.

        Args:
            named_by: What the messages call the list, such as 'block 2 (RECALLED)'.

        Raises:
            PolicyError: There is no such node type.
        """
        asked = pa.array(list(ids), pa.string())
        if self._holds(node_type):
            found = pc.index_in(asked, self._bundle.ids(node_type))
        else:
            found = pa.nulls(len(asked), pa.int32())
        unknown = asked.filter(pc.is_null(found)).to_pylist()
        if unknown:
            self.unknown.setdefault(node_type, []).extend((one, named_by) for one in unknown)
        return np.unique(found.drop_null().to_numpy()).astype(np.int64)

    def known_rows(
        self, node_type: str, ids: Sequence[str], named_by: str, *, allow_unknown: bool
    ) -> Rows:
        """The same for a list that must name something, unless its rule allows otherwise.

        Raises:
            PolicyError: There is no such node type, or the bundle holds none of the ids.
        """
        rows = self.rows(node_type, ids, named_by)
        if not len(rows) and not allow_unknown:
            self.check_spelling()
            raise PolicyError(
                f"{named_by}: the bundle holds none of its {len(ids):,} {node_type} ids, "
                f"{_some(ids)}",
                next_step="correct the ids; or say allow_unknown = true in the rule, if they are "
                "to come yet or have gone",
                value=tuple(ids),
            )
        return rows

    def check_spelling(self) -> None:
        """Refuses ids that are those of nodes but for spaces, case or the form of characters.

        Raises:
            PolicyError: There is one: the rule would not hold, and nobody would see it.
        """
        for node_type, named in self.unknown.items():
            if not self._holds(node_type):
                continue
            key = self._bundle.schema.node_type(node_type).key
            meant = self._columns.respelled(node_type, key, [one for one, _ in named])
            if meant is not None:
                raise PolicyError(
                    f"{dict(named)[meant.entry]}: no {node_type} has the id '{meant.entry}'",
                    next_step=meant.hint(node_type),
                    value=meant.entry,
                )

    def warnings(self) -> Iterator[str]:
        """One sentence per node type of which ids are not there."""
        for node_type, named in self.unknown.items():
            ids = [one for one, _ in named]
            said = f"{len(ids):,} {node_type} ids of the policy, {_some(ids)}"
            yield f"the bundle does not hold {said}"

    def counts(self) -> Mapping[str, int]:
        """Per node type how many ids are not there."""
        return {node_type: len(named) for node_type, named in self.unknown.items()}

    def matching(self, node_type: str, conditions: Conditions) -> Rows:
        """The rows of all nodes that meet the conditions.

        Raises:
            PolicyError: There is no such node type or property, or a value is not of its kind.
        """
        if not self._holds(node_type):
            return NO_ROWS
        try:
            mask = self._columns.mask(node_type, conditions)
        except BadFilterError as error:
            raise PolicyError(f"in 'where': {error}", value=error.value) from error
        return np.flatnonzero(mask)

    def check_type(self, node_type: str) -> None:
        """Raises PolicyError unless the schema has the node type."""
        try:
            self._bundle.schema.node_type(node_type)
        except SchemaError as error:
            raise PolicyError(f"in the policy: {error}", value=node_type) from error

    def _holds(self, node_type: str) -> bool:
        self.check_type(node_type)
        return node_type in self._bundle.node_types


def _some(ids: Sequence[str]) -> str:
    """The first ones, for a message."""
    more = ", ..." if len(ids) > _SHOWN else ""
    return "such as " * bool(more) + ", ".join(f"'{one}'" for one in ids[:_SHOWN]) + more
