"""Moves affinity scores towards expected net value.

With s the affinity, v the net value of a sale and w the `value_weight` in [0, 1], the score is

    s * v^w   where s is positive,   s * v^-w   where it is negative.

At w = 0 it is the affinity, to the last bit; at w = 1 it is s * v, which is the expected value of
showing a target when s is proportional to the chance that it is bought. Between them the score is
the geometric mean of the two, weighted by 1 - w and w. It is the family of ranking rules
bid^w * click rate of Lahaie and Pennock, "Revenue Analysis of a Family of Ranking Rules for
Keyword Auctions", EC 2007, with the exponent on the value instead of on the rate.
Deviation: an affinity is a dot product and may be negative; there the exponent changes its sign, so
that more value still means more score, and anything positive stays above anything negative.

- It rises with s for every v, and never falls with v.
- A currency is a factor on all prices, which changes no order.
- Among targets with positive scores, a larger w never lowers the value (geometric mean) of the list
  of the k best, and never raises its affinity.
- For positive scores it is a dot product again: the query node with the target's vector times v^w.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.errors import QueryError, shown
from graphrec.bundle import Bundle
from graphrec.bundle.quality import PAID, QUALITY, RETURN_RATE

Values = npt.NDArray[np.float64]

LEAST = 1e-6
"""The value of what is free or certain to come back, so that its affinity still puts it in order.
"""

_PRICE = "price"


def net_value(
    quality: npt.ArrayLike,
    *,
    return_rate: npt.ArrayLike | None = None,
    money: npt.ArrayLike | None = None,
) -> Values:
    """What one sale of each target is worth, in units of the median target.

    Money times the share that is not sent back is the money that stays; times quality, the money
    that stays and brings the buyer back. A return so counts twice, as lost money and as lost
    quality, which is on purpose: sales less returns are wanted, not sales.

    Args:
        quality: In [0, 1].
        return_rate: In [0, 1], the chance that a sale comes back; None where it is not known.
        money: What an order brings, 0 or more in any currency; NaN where it is not known, which
            counts as the median. None where it is known of no target.

    Returns:
        float64 [num_targets], at least `LEAST`.

    >>> net_value([0.5, 0.5, 1.0], money=[10.0, 20.0, 20.0]).tolist()
    [0.5, 1.0, 2.0]
    """
    values: Values = np.array(quality, dtype=np.float64)
    if return_rate is not None:
        values = values * (1 - np.asarray(return_rate, dtype=np.float64))
    if money is not None:
        brought = np.asarray(money, dtype=np.float64)
        known = np.isfinite(brought)
        typical = np.median(brought[known]) if known.any() else 1.0
        values = values * np.where(known, brought, typical)
    positive = values[values > 0]
    median = float(np.median(positive)) if len(positive) else 1.0
    return np.maximum(values / median, LEAST)


def value_adjusted(affinity: npt.ArrayLike, value: npt.ArrayLike, value_weight: float) -> Values:
    """Affinities moved towards expected net value; see the head of the file.

    Args:
        affinity: Scores, higher is better, any sign; of one query node, or a row per query node.
        value: `net_value` of the same targets.
        value_weight: 0 is pure affinity, 1 expected net value.

    Returns:
        float64, in the shape of `affinity`.

    Raises:
        QueryError: The weight is not in [0, 1].

    >>> value_adjusted([2.0, 1.0, -1.0], [0.25, 4.0, 4.0], 0.5).tolist()
    [1.0, 2.0, -0.5]
    """
    return stretched(np.asarray(affinity, dtype=np.float64), value_factors(value, value_weight))


def value_factors(value: npt.ArrayLike, value_weight: float) -> Values:
    """v^w, by which `stretched` moves scores; see the head of the file.

    Raises:
        QueryError: The weight is not in [0, 1].
    """
    if not 0 <= value_weight <= 1:
        raise QueryError(
            f"value_weight is {shown(value_weight)}",
            expected="from 0 (what fits best) to 1 (expected net value)",
            value=value_weight,
        )
    factors: Values = np.asarray(value, dtype=np.float64) ** value_weight
    return factors


def stretched(scores: Values, factors: Values) -> Values:
    """Scores times their factors where they are positive, divided by them where not."""
    moved: Values = np.where(scores < 0, scores / factors, scores * factors)
    return moved


def values_of(bundle: Bundle, node_type: str) -> Values:
    """`net_value` of every node of a type, from what a bundle says of quality and money.

    An order brings what orders of the node brought on average, coupons and several pieces
    included; where there was none, its price, if nodes of its type have prices.

    Raises:
        QueryError: The bundle does not say how good these nodes are.
    """
    attributes = bundle.attributes(node_type)
    price = attributes[_PRICE] if _PRICE in attributes.column_names else None
    return values_in(bundle.quality(node_type), price)


def values_in(quality: pa.Table, price: pa.ChunkedArray | None) -> Values:
    """The same from a table with the columns of `QUALITY_SCHEMA`, and the prices."""
    rate, paid = quality[RETURN_RATE], quality[PAID]
    money = paid if price is None else pc.coalesce(paid, price)
    return net_value(
        quality[QUALITY].to_numpy(),
        return_rate=None if rate.null_count else rate.to_numpy(),
        money=pc.fill_null(money, float("nan")).to_numpy(),
    )
