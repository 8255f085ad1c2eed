"""The kinds of arrays that a world is made of."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Rows: TypeAlias = npt.NDArray[np.int32]
"""Rows of nodes, or numbers of words."""

Positions: TypeAlias = npt.NDArray[np.int64]
"""Where something stands in an array."""

Times: TypeAlias = npt.NDArray[np.int64]
"""Microseconds since 1970, UTC."""

Weights: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
