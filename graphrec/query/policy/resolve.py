"""From the ids of a policy to rows of a bundle."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.errors import BadFilterError, PolicyError, SchemaError
from graphrec.bundle import Bundle
from graphrec.query.conditions import Columns, Conditions
from graphrec.query.rows import NO_ROWS, Rows


class Resolver:
    """Finds nodes, and counts the ids that are not there."""

    def __init__(self, bundle: Bundle, columns: Columns) -> None:
        self._bundle = bundle
        self._columns = columns
        self.unknown: Counter[str] = Counter()

    def rows(self, node_type: str, ids: Sequence[str]) -> Rows:
        """The rows of those ids that the bundle holds, ascending and distinct.

        Raises:
            PolicyError: There is no such node type.
        """
        if not self._holds(node_type):
            self.unknown[node_type] += len(ids)
            return NO_ROWS
        found = pc.index_in(pa.array(list(ids), pa.string()), self._bundle.ids(node_type))
        self.unknown[node_type] += found.null_count
        return np.unique(found.drop_null().to_numpy()).astype(np.int64)

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
