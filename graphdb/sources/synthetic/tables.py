"""Arrays into Arrow tables: ids, words, titles, times."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.schema import SCHEMA
from graphdb.schema_types import SOURCE_ID, TARGET_ID, EdgeType, Kind
from graphdb.sources.synthetic.ties import Ties

_FEWEST_DIGITS = 4


def ids(prefix: str, num: int) -> pa.Array:
    """Ids of one width, so that their order as text is the order of rows.

    >>> ids("u", 2).to_pylist()
    ['u0000', 'u0001']
    """
    digits = max(_FEWEST_DIGITS, len(str(num - 1)))
    numbers = pc.utf8_lpad(pa.array(np.arange(num)).cast(pa.string()), digits, "0")
    return phrase(prefix, numbers)


def words(of: Sequence[str] | pa.Array, numbers: npt.NDArray[np.integer[Any]]) -> pa.Array:
    """The word of each number."""
    return pa.array(of, type=pa.string()).take(pa.array(numbers))


def phrase(*parts: str | pa.Array) -> pa.Array:
    """Parts joined as they are, row by row; a plain string is the same in every row.

    >>> phrase(pa.array(["Lumeco", "Solria"]), " flagship shop").to_pylist()
    ['Lumeco flagship shop', 'Solria flagship shop']
    """
    scalars = [pa.scalar(part) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, "")


def capitalised(text: pa.Array) -> pa.Array:
    """The first letter large, the others as they are.

    >>> capitalised(pa.array(["cute T-shirt"])).to_pylist()
    ['Cute T-shirt']
    """
    first, rest = pc.utf8_slice_codeunits(text, 0, 1), pc.utf8_slice_codeunits(text, 1)
    return phrase(pc.utf8_upper(first), rest)


def typed_table(of: str | EdgeType, columns: Mapping[str, Any]) -> pa.Table:
    """A table with the schema's types, and its order of columns; times are microseconds."""
    arrays = {}
    for column in SCHEMA.columns(of):
        if column.name in columns:
            values = pa.array(columns[column.name])
            arrays[column.name] = values.cast(column.kind.arrow)
    return pa.table(arrays)


def edge_table(
    edge_type: EdgeType,
    ties: Ties,
    node_ids: Mapping[str, pa.Array],
    vocabulary: Mapping[str, Sequence[str] | pa.Array],
) -> pa.Table:
    """A table of edges.

    Args:
        node_ids: Ids per node type, by row.
        vocabulary: Words of the string properties, by number.
    """
    columns: dict[str, Any] = {
        SOURCE_ID: words(node_ids[edge_type.source], ties.source),
        TARGET_ID: words(node_ids[edge_type.target], ties.target),
    }
    for column in SCHEMA.columns(edge_type):
        if column.name in ties.columns:
            values = ties.columns[column.name]
            is_word = column.kind is Kind.STRING
            columns[column.name] = words(vocabulary[column.name], values) if is_word else values
    return typed_table(edge_type, columns)
