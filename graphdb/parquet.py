"""Parquet files that others may have written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from graphdb.errors import GraphRecError
from graphdb.file_access import pass_on_refusal


@contextmanager
def readable(path: Path, error: type[GraphRecError], next_step: str) -> Iterator[None]:
    """Turns what Arrow says of a damaged file into our error.

    Raises:
        GraphRecError: As `error`: the file is damaged.
        FileAccessError: The system refuses to read it.
    """
    try:
        yield
    except (pa.ArrowException, OSError) as problem:
        pass_on_refusal(problem, path)
        raise error(
            f"'{path}' is not a Parquet file: {problem}", next_step=next_step, value=str(path)
        ) from problem
