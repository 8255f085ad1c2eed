"""A generated world: its tables, its planted answers, and the way onto disk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from graphdb.atomic import empty_folder
from graphdb.errors import DataError
from graphdb.schema_types import EdgeType
from graphdb.sources.synthetic.config import WorldConfig
from graphdb.sources.synthetic.truth import Truth


@dataclass(frozen=True, slots=True)
class World:
    """A generated graph and what is true of it.

    Args:
        nodes: A table per node type, sorted by key.
        edges: A table per edge type.
        truth: The planted answers.
    """

    config: WorldConfig
    nodes: Mapping[str, pa.Table] = field(repr=False)
    edges: Mapping[EdgeType, pa.Table] = field(repr=False)
    truth: Truth = field(repr=False)

    @property
    def num_edges(self) -> int:
        return sum(table.num_rows for table in self.edges.values())

    def write(self, folder: str | Path) -> Path:
        """Writes one Parquet file per type: `User.parquet`, `User-PURCHASED-Product.parquet`, ...

        Raises:
            DataError: There is something in the folder already.
        """
        folder = Path(folder)
        with empty_folder(folder, DataError) as unfinished:
            for of, table in [*self.nodes.items(), *self.edges.items()]:
                pq.write_table(table, unfinished / f"{of}.parquet", compression="zstd")
        return folder
