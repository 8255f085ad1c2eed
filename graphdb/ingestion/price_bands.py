"""Derives price bands from product prices alone.

Bands follow the 1-2-5 series (0.5 to 1, 1 to 2, 2 to 5, 5 to 10, ...): about equal ratios. They
depend only on the price, so a product keeps its band when other products are loaded; quantiles
would move with every batch.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphdb.decimals import as_meant
from graphdb.schema_types import SOURCE_ID, TARGET_ID

_LOWS = np.array([0.0, 0.5] + [step * 10.0**power for power in range(9) for step in (1, 2, 5)])
_HIGHS = np.append(_LOWS[1:], np.inf)
_IDS = [
    f"{low:g}-{high:g}" if np.isfinite(high) else f"{low:.0f}+"
    for low, high in zip(_LOWS, _HIGHS, strict=True)
]


def price_bands(products: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Returns the price bands of products, and the edges to them.

    Args:
        products: Columns `product_id` and `price`; products without a price have no band.

    Returns:
        A table of PriceBand nodes and one of Product-IN_PRICE_BAND-PriceBand edges.

    Example:
        >>> products = pa.table({"product_id": ["tea", "pan"], "price": [4.5, 30.0]})
        >>> bands, edges = price_bands(products)
        >>> edges.to_pydict()
        {'source_id': ['tea', 'pan'], 'target_id': ['2-5', '20-50']}
        >>> bands["name"].to_pylist()
        ['2 to 5', '20 to 50']
    """
    priced = products.filter(pc.is_valid(products["price"]))
    prices = as_meant(priced["price"].to_numpy())
    band_rows = np.searchsorted(_LOWS, prices, side="right") - 1
    used = np.unique(band_rows)
    highs = _HIGHS[used]
    bands = pa.table(
        {
            "price_band_id": [_IDS[row] for row in used],
            "name": [_IDS[row].replace("-", " to ") for row in used],
            "low": _LOWS[used],
            "high": pa.array(highs, mask=~np.isfinite(highs)),
        }
    )
    edges = pa.table(
        {
            SOURCE_ID: priced["product_id"],
            TARGET_ID: pa.array(_IDS).take(pa.array(band_rows)),
        }
    )
    return bands, edges
