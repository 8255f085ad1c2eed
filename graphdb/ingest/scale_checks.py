"""Values on another scale than the property's, such as stars from 1 to 10 where five are the most.

One value beyond the scale is a slip. Many of them mean that the others, too, are on another scale:
they could be stored, and would say something else.
"""

from collections.abc import Iterator

import duckdb

from graphdb.ingest.source import SourceTable
from graphdb.ingest.typed_rows import staged_columns
from graphdb.schema_types import Schema
from graphdb.stores.duckdb_sql import literal, quoted

OTHER_SCALE = "other_scale"
_FEW = 5
"""So few values beyond the scale may be slips, whatever their share."""
_SHARE = 0.05
"""A smaller share of values beyond the scale may be slips."""


def reject_other_scales(
    connection: duckdb.DuckDBPyConnection, schema: Schema, table: SourceTable
) -> Iterator[tuple[str, str]]:
    """Rejects the good rows of the table `staged` whose values are on another scale.

    Returns:
        Pairs of a property and a line on what its values look like, and what to do.
    """
    for column in staged_columns(schema, table):
        if column.minimum is None or column.maximum is None:
            continue
        value = quoted(column.name)
        beyond = f"({value} < {column.minimum!r} OR {value} > {column.maximum!r})"
        found = connection.execute(
            f"SELECT count({value}), count(*) FILTER ({beyond}), min({value}), max({value})"
            f" FROM staged WHERE isfinite({value})"
        ).fetchall()
        ((number, outside, least, most),) = found
        if outside <= _FEW or outside < _SHARE * number:
            continue
        scale = f"{column.minimum:g} to {column.maximum:g}"
        odd = f"{outside:,} of {number:,} values lie outside the scale of {scale}"
        reason = literal(f"{column.name} is ") + f" || {value} || " + literal(f", but {odd}")
        connection.execute(
            f"UPDATE staged SET _code = {literal(OTHER_SCALE)}, _reason = {reason}"
            f" WHERE _code IS NULL AND {value} IS NOT NULL"
        )
        yield (
            column.name,
            f"{odd}, so '{column.name}' seems to be on a scale of {least:g} to {most:g}, and none"
            f" of these rows is taken; say in the mapping how its values become {scale}, with"
            " scale or map, or leave rows out with where",
        )
