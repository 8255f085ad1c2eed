"""Computes intervals of means over queries, and tests whether models differ by more than chance.

Both resample all queries at once, and models are compared on the same queries.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.evaluation.results import FEWEST_QUERIES, Comparison, Estimate

Values = npt.NDArray[np.float64]

CONFIDENCE = 0.95
_BLOCK_NUMBERS = 2**22  # float32 weights in memory at once: 16 MB


class Bootstrap:
    """Bootstrap resamples of the queries.

    It holds a byte per query node and draw. All models use the same draws, so that their means can
    be compared draw by draw (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993,
    chapter 13: percentile intervals).

    Args:
        num_queries: The number of queries.
        resamples: The number of draws.
        seed: The seed of the draws.
    """

    def __init__(self, num_queries: int, resamples: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        # The count of each query node in each draw. Counts above 255 are practically impossible.
        self._counts = np.empty((resamples, num_queries), dtype=np.uint8)
        for row in self._counts:
            drawn = rng.integers(num_queries, size=num_queries, dtype=np.int32)
            row[:] = np.bincount(drawn, minlength=num_queries)

    def means(self, values: Values) -> Values:
        """The mean of every column in every draw, float64 [resamples, num_columns].

        Args:
            values: float64 [num_queries, num_columns]; NaN for query nodes that do not count.

        Returns:
            NaN if a draw has no query node that counts in a column.
        """
        known = np.isfinite(values)
        filled = np.where(known, values, 0.0).astype(np.float32)
        counted, pattern_of = _distinct_columns(known)
        sums = np.empty((len(self._counts), values.shape[1]))
        totals = np.empty((len(self._counts), counted.shape[1]))
        step = max(_BLOCK_NUMBERS // max(len(values), 1), 1)
        for start in range(0, len(self._counts), step):
            part = slice(start, start + step)
            weights = self._counts[part].astype(np.float32)
            sums[part], totals[part] = weights @ filled, weights @ counted
        with np.errstate(invalid="ignore"):
            means: Values = sums / totals[:, pattern_of]
        return means


def _distinct_columns(known: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.float32], list[int]]:
    """Returns the distinct columns, and the index of each: those of most models are equal."""
    packed = np.packbits(known, axis=0)
    number_of: dict[bytes, int] = {}
    pattern_of = [
        number_of.setdefault(packed[:, column].tobytes(), len(number_of))
        for column in range(packed.shape[1])
    ]
    first = [pattern_of.index(number) for number in range(len(number_of))]
    return known[:, first].astype(np.float32), pattern_of


def estimates(values: Values, drawn: Values, fewest: int = FEWEST_QUERIES) -> list[Estimate | None]:
    """Returns each column's mean with its interval; None for too few queries.

    Args:
        values: float64 [num_queries, num_columns]; NaN where a query node does not count.
        drawn: The result of `Bootstrap.means` for them.
        fewest: The minimum number of queries in a column, 1 or more.
    """
    known = np.isfinite(values)
    num_known = known.sum(axis=0)
    means = np.where(known, values, 0.0).sum(axis=0) / np.maximum(num_known, 1)
    # If no draw has a query node that counts, there is only the mean.
    drawn = np.where(np.isfinite(drawn).any(axis=0), drawn, means)
    tail = (1 - CONFIDENCE) / 2
    # Draws are float32; a mean that all of them share must be inside its interval.
    low = np.minimum(_quantiles(drawn, tail), means)
    high = np.maximum(_quantiles(drawn, 1 - tail), means)
    return [
        Estimate(mean=mean, low=lowest, high=highest) if number >= fewest else None
        for mean, lowest, highest, number in zip(
            means.tolist(), low.tolist(), high.tolist(), num_known.tolist(), strict=True
        )
    ]


def _quantiles(drawn: Values, share: float) -> Values:
    """Returns quantiles per column, ignoring NaN draws."""
    if np.isfinite(drawn).all():
        quantiles: Values = np.quantile(drawn, share, axis=0)
    else:
        quantiles = np.nanquantile(drawn, share, axis=0)
    return quantiles


METHOD = "paired sign-flip randomisation, two-sided"
_MOST_AT_ONCE = 2**21  # float64 signs in memory at once: 16 MB
_ROUNDING = 1e-9


def comparisons(
    differences: Values,
    drawn: Values,
    columns: Sequence[tuple[str, str, str]],
    *,
    flips: int,
    seed: int,
    fewest: int = FEWEST_QUERIES,
) -> tuple[Comparison, ...]:
    """Returns a comparison with interval and test for each column with enough queries.

    Args:
        differences: float64 [num_queries, num_columns]; NaN where a query node does not count.
        drawn: The differences of the means in every draw, see `Bootstrap.means`.
        columns: Model, other model and metric of each column.
        fewest: The minimum number of queries.
    """
    p_values = sign_flip_p_values(differences, flips=flips, seed=seed)
    return tuple(
        Comparison(
            model=model,
            against=against,
            metric=metric,
            difference=difference,
            p_value=float(p_value),
            method=METHOD,
        )
        for (model, against, metric), difference, p_value in zip(
            columns, estimates(differences, drawn, fewest), p_values, strict=True
        )
        if difference is not None
    )


def sign_flip_p_values(differences: Values, *, flips: int, seed: int) -> Values:
    """Returns p-values of a paired sign-flip randomisation test.

    If two models are equally good, the sign of each query node's difference is random. So signs are
    drawn at random, `flips` times, and p = (1 + number of sums at least as far from 0 as the
    measured one) / (1 + flips). Fisher's randomisation test; Smucker, Allan and Carterette, "A
    comparison of statistical significance tests for information retrieval evaluation" (CIKM 2007).
    It needs no normal distribution; p cannot fall below 1 / (1 + flips).

    Args:
        differences: One model less the other per query node, float64 [num_queries, num_columns];
            NaN where a query node does not count.

    Returns:
        float64 [num_columns].
    """
    rng = np.random.default_rng(seed)
    filled = np.where(np.isfinite(differences), differences, 0.0)
    # Tolerates rounding when comparing equal sums.
    measured = np.abs(filled.sum(axis=0)) - _ROUNDING * np.abs(filled).sum(axis=0)
    as_far = np.zeros(filled.shape[1])
    step = max(_MOST_AT_ONCE // max(len(filled), 1), 1)
    for start in range(0, flips, step):
        height = min(step, flips - start)
        signs = rng.integers(2, size=(height, len(filled)), dtype=np.int8) * 2.0 - 1.0
        as_far += (np.abs(signs @ filled) >= measured).sum(axis=0)
    p_values: Values = (1 + as_far) / (1 + flips)
    return p_values
