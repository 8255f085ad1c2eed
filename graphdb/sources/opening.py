"""From a source's name to its tables."""

from pathlib import Path

from graphdb.errors import DataError
from graphdb.ingest.source import SourceTable
from graphdb.schema_types import Schema
from graphdb.sources.complete_journey import complete_journey_tables
from graphdb.sources.in_memory import arrow_tables
from graphdb.sources.synthetic import WorldConfig, generate_world
from graphdb.sources.tables import folder_tables

COMPLETE_JOURNEY = "complete-journey"
_SYNTHETIC = "synthetic:"
_MIN_EDGES, _MAX_EDGES = 100, 100_000_000


def open_source(name: str, schema: Schema, mapping: str | Path | None = None) -> list[SourceTable]:
    """The tables of a source, ready for `ingest`.

    Args:
        name: A folder, 'complete-journey', or 'synthetic:EDGES' or 'synthetic:EDGES:SEED'.
        mapping: For a folder: the mapping file; see `folder_tables`.

    Raises:
        DataError: The name is no source, or a mapping is given to a source that takes none.
    """
    if name != COMPLETE_JOURNEY and not name.startswith(_SYNTHETIC):
        return folder_tables(name, schema, mapping)
    if mapping is not None:
        raise DataError(f"'{name}' takes no mapping; its tables are known", value=str(mapping))
    if name == COMPLETE_JOURNEY:
        return complete_journey_tables(schema)
    return _synthetic(name)


def _synthetic(name: str) -> list[SourceTable]:
    parts = name.removeprefix(_SYNTHETIC).split(":")
    numbers = [int(part) if part.isdecimal() else -1 for part in parts]
    if len(numbers) > 2 or min(numbers) < 0 or not _MIN_EDGES <= numbers[0] <= _MAX_EDGES:
        raise DataError(
            f"'{name}' is no synthetic world",
            expected=f"synthetic:EDGES or synthetic:EDGES:SEED, {_MIN_EDGES} to {_MAX_EDGES} edges",
            value=name,
        )
    seed = numbers[1] if len(numbers) == 2 else 0
    world = generate_world(WorldConfig(num_edges=numbers[0], seed=seed))
    return arrow_tables(world.nodes, name) + arrow_tables(world.edges, name)
