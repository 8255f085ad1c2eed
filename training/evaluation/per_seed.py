"""Every model's figures seed by seed, as a table: so that two evaluations can be compared later."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graphdb.snapshot import Snapshot
from training.evaluation.measure import Measured

PER_SEED_NAME = "per_seed.parquet"
TASK, MODEL, SEED_ID = "task", "model", "seed_id"


def write_per_seed(path: Path, snapshot: Snapshot, measured: Sequence[Measured]) -> None:
    """One row per task, model and seed that had something to find; then a column per metric.

    A metric is null where the seed does not count in it, such as one that had nothing to gain.
    """
    names = list(
        dict.fromkeys(name for one in measured for found in one.values.values() for name in found)
    )
    schema = pa.schema(
        [
            *((name, pa.dictionary(pa.int32(), pa.string())) for name in (TASK, MODEL)),
            (SEED_ID, pa.string()),
            *((name, pa.float64()) for name in names),
        ]
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for one in measured:
            seed_ids = snapshot.node_ids(one.result.seed_type).take(pa.array(one.seed_rows))
            empty = np.full(len(seed_ids), np.nan)
            for model, found in one.values.items():
                columns = [found.get(name, empty) for name in names]
                writer.write_table(
                    pa.table(
                        [
                            pa.array([one.result.name] * len(seed_ids)).cast(schema.types[0]),
                            pa.array([model] * len(seed_ids)).cast(schema.types[1]),
                            seed_ids,
                            *(pa.array(values, mask=np.isnan(values)) for values in columns),
                        ],
                        schema=schema,
                    )
                )
