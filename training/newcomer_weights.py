"""How much several guesses at the same vectors count, so that their sum comes nearest."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

_RIDGE = 1e-2  # of a guess's own square: two guesses that are alike share what one would get
_SWEEPS = 1000
_STILL = 1e-9


def least_squares_weights(
    guesses: Mapping[str, npt.NDArray[np.floating]], truth: npt.NDArray[np.floating]
) -> dict[str, float]:
    """Weights w >= 0 of the guesses that bring their weighted sum nearest to the truth.

    Minimises |truth - sum_g w_g guess_g|^2 + ridge * sum_g w_g^2 |guess_g|^2, by coordinate
    descent. Guesses that do not help are left out of the result.

    Args:
        guesses: By name, each of the truth's shape.

    >>> truth = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> half, wrong = truth / 2, -truth
    >>> weights = least_squares_weights({"half": half, "wrong": wrong}, truth)
    >>> {name: round(weight, 2) for name, weight in weights.items()}
    {'half': 1.98}
    """
    names = [name for name, guess in guesses.items() if guess.any()]
    if not names:
        return {}
    flat = [guesses[name].ravel() for name in names]
    alike = np.array([[one @ other for other in flat] for one in flat], np.float64)
    right = np.array([one @ truth.ravel() for one in flat], np.float64)
    squares = np.diag(alike) * (1 + _RIDGE)
    weights = np.zeros(len(names))
    for _ in range(_SWEEPS):
        before = weights.copy()
        for at in range(len(names)):
            others = alike[at] @ weights - alike[at, at] * weights[at]
            weights[at] = max(right[at] - others, 0) / squares[at]
        if np.abs(weights - before).max() <= _STILL * np.abs(weights).max():
            break
    return {name: float(weight) for name, weight in zip(names, weights, strict=True) if weight > 0}
