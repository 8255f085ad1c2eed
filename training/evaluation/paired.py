"""Whether two models differ by more than chance, on the same seeds."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.evaluation.bootstrap import estimates
from training.evaluation.results import FEWEST_QUERIES, Comparison

Values = npt.NDArray[np.float64]

METHOD = "paired sign-flip randomisation, two-sided"
_BLOCK_NUMBERS = 2**21  # signs held as float64 at once: 16 MB
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
    """One comparison per column in which enough seeds count: the interval and the test.

    Args:
        differences: float64 [num_seeds, num_columns]; NaN where a seed does not count.
        drawn: The differences of the means in every draw, see `Bootstrap.means`.
        columns: Which model each is of, against which, and by which metric.
        fewest: How many seeds are enough.
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
    """How often chance alone gives a difference as large as the one that was measured.

    If two models are equally good, each seed's difference could as well have the other sign. So
    signs are drawn at random, `flips` times, and p = (1 + how often the sum is as far from 0 as
    the measured one, or farther) / (1 + flips). Fisher's randomisation test; Smucker, Allan and
    Carterette, "A comparison of statistical significance tests for information retrieval
    evaluation" (CIKM 2007). It needs no normal distribution; p cannot fall below 1 / (1 + flips).

    Args:
        differences: One model less the other per seed, float64 [num_seeds, num_columns]; NaN where
            a seed does not count.

    Returns:
        float64 [num_columns].
    """
    rng = np.random.default_rng(seed)
    filled = np.where(np.isfinite(differences), differences, 0.0)
    # Rounding must not decide whether two sums that are equal are.
    measured = np.abs(filled.sum(axis=0)) - _ROUNDING * np.abs(filled).sum(axis=0)
    as_far = np.zeros(filled.shape[1])
    step = max(_BLOCK_NUMBERS // max(len(filled), 1), 1)
    for start in range(0, flips, step):
        height = min(step, flips - start)
        signs = rng.integers(2, size=(height, len(filled)), dtype=np.int8) * 2.0 - 1.0
        as_far += (np.abs(signs @ filled) >= measured).sum(axis=0)
    p_values: Values = (1 + as_far) / (1 + flips)
    return p_values
