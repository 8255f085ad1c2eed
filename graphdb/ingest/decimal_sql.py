"""Numbers as people wrote them, in SQL: what a column means in decimal, not its binary noise.

995 cents times .01 is 9.950000000000001 in binary, and the float32 of 9.95 is 9.949999809265137;
both mean 9.95, and a filter for prices up to 9.95 has to find them.
"""

from decimal import Decimal

import pyarrow as pa

_MOST_PLACES = 22  # larger powers of ten are not exact in binary


def decimal_number(raw: str, raw_type: pa.DataType) -> str:
    """SQL of a raw value as DOUBLE, the one that is nearest to what is written or shown.

    Args:
        raw: SQL of the value.
        raw_type: Its Arrow type. Of a narrow floating-point number the shortest text that gives
            it back is meant, of a decimal its digits.
    """
    is_narrow = pa.types.is_floating(raw_type) and raw_type.bit_width < 64
    if is_narrow or pa.types.is_decimal(raw_type):
        raw = f"CAST({raw} AS VARCHAR)"
    return f"TRY_CAST({raw} AS DOUBLE)"


def decimal_product(number: str, scale: float) -> str:
    """SQL of a number times a scale, rounded to the decimal places that the product has.

    Both have few: 19.99 has two and .01 has two, so their product has four.

    >>> decimal_product("x", 1.0)
    'x'
    """
    if scale == 1.0:
        return number
    exponent = Decimal(repr(scale)).normalize().as_tuple().exponent
    product, text = f"({number} * {scale!r})", f"CAST({number} AS VARCHAR)"  # 19.99, or 1.9e-05
    fraction = f"length(split_part(split_part({text}, 'e', 1), '.', 2))"
    power = f"coalesce(TRY_CAST(split_part({text}, 'e', 2) AS INTEGER), 0)"
    places = f"CAST(greatest({fraction} - {power} - {exponent}, 0) AS INTEGER)"
    rounded = f"round({product}, {places})"
    return f"(CASE WHEN {places} <= {_MOST_PLACES} THEN {rounded} ELSE {product} END)"
