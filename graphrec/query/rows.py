"""Rows of nodes, as they are passed around."""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]

NO_ROWS: Rows = np.empty(0, dtype=np.int64)
NO_ROWS.flags.writeable = False  # everyone has the same one
