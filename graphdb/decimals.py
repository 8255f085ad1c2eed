"""Rounds floating-point numbers to the short decimals that they represent.

A table may hold 9.95 as 9.950000000000001 (995 times .01) or as 9.949999809265137 (the nearest
float32). Both mean 9.95, are shown as 9.95, and pass a filter up to 9.95.
"""

from collections.abc import Iterable
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Numbers = npt.NDArray[np.float64]

_DIGITS = 15  # decimal digits that every float64 keeps; later ones are noise
_SMALLEST_NARROW = np.finfo(np.float32).tiny  # smaller ones have fewer digits
_EXACT_POWER = 22  # the largest exact power of ten in float64


def as_meant(numbers: npt.ArrayLike) -> Numbers:
    """Returns the intended numbers, float64, each the nearest to a short decimal.

    A number with at most two decimal places stays. Another one that fits into a float32 becomes the
    shortest decimal of that float32. All others are rounded to 15 significant digits. NaN and
    infinity stay.

    >>> as_meant([995 * 0.01, float(np.float32(9.95)), 9.95, 1 / 3]).tolist()
    [9.95, 9.95, 9.95, 0.333333333333333]
    """
    meant = np.array(numbers, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = meant.astype(np.float32)
        # 4194303.75 fits too, but its shortest text as a float32 is 4194303.8.
        is_noisy = np.isfinite(meant) & (meant != np.rint(meant * 100) / 100)
    is_narrow = is_noisy & (narrow == meant) & (np.abs(narrow) >= _SMALLEST_NARROW)
    is_wide = is_noisy & ~is_narrow
    meant[is_wide] = _rounded(meant[is_wide])
    if is_narrow.any():  # Arrow imports pandas here, and most tables do not need it
        texts = pa.array(narrow[is_narrow]).cast(pa.string())
        meant[is_narrow] = texts.cast(pa.float64()).to_numpy()
    return meant


def exact_sum(numbers: Iterable[float]) -> float:
    """Returns the sum of the intended decimals without rounding errors: ten times .1 is 1.

    >>> exact_sum([0.1] * 10), sum([0.1] * 10)
    (1.0, 0.9999999999999999)
    """
    return float(sum(exact_decimals(numbers), Decimal(0)))


def exact_decimals(numbers: Iterable[float]) -> list[Decimal]:
    """Returns the intended decimals as exact numbers, to add and compare.

    >>> sum(exact_decimals([0.1, 0.1, 0.1])) <= exact_decimals([0.3])[0]
    True
    """
    return [Decimal(repr(number)) for number in as_meant(list(numbers)).tolist()]


def _rounded(numbers: Numbers) -> Numbers:
    """Rounds to 15 significant digits, with integers and one exact division; tiny numbers stay."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        places = _DIGITS - np.floor(np.log10(np.abs(numbers))) - 1
        fits = np.isfinite(numbers) & (places >= 0) & (places <= _EXACT_POWER)
        power = 10.0 ** np.where(fits, places, 0)
        rounded: Numbers = np.where(fits, np.rint(numbers * power) / power, numbers)
    return rounded
