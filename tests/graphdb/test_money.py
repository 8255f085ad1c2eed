"""A price is stored as it is written, whatever number format it comes in."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from graphdb.decimals import as_meant, exact_decimals, exact_sum
from graphdb.ingestion import ingest
from graphdb.ingestion.price_bands import price_bands
from graphdb.io.source import ROW, Column, SourceTable

CENTS = range(1, 100_001)
TEXTS = [f"{cents // 100}.{cents % 100:02}" for cents in CENTS]
MEANT = [float(text) for text in TEXTS]
CENTS_SCALE = Column("price", scale=0.01)

WAYS = {
    "cents, int64": (pa.array(CENTS), CENTS_SCALE),
    "cents, int32": (pa.array(CENTS, pa.int32()), CENTS_SCALE),
    "cents, float64": (pa.array(CENTS, pa.float64()), CENTS_SCALE),
    "cents, text": (pa.array(map(str, CENTS)), CENTS_SCALE),
    "cents with a fraction, text": (pa.array([f"{one}.0" for one in CENTS]), CENTS_SCALE),
    "tenths of a cent": (pa.array([10 * one for one in CENTS]), Column("price", scale=0.001)),
    "thousands": (pa.array([Decimal(text) / 1000 for text in TEXTS]), Column("price", scale=1000)),
    "thousands, text": (
        pa.array([f"{Decimal(text) / 1000:f}" for text in TEXTS]),
        Column("price", scale=1000),
    ),
    "half cents": (pa.array([2 * one for one in CENTS]), Column("price", scale=0.005)),
    "millionths": (pa.array([10**6 * one for one in CENTS]), Column("price", scale=1e-8)),
    "float64": (pa.array(MEANT), Column("price")),
    "float32": (pa.array(MEANT, pa.float32()), Column("price")),
    "float32 cents": (pa.array(CENTS, pa.float32()), CENTS_SCALE),
    "decimal128(9, 2)": (pa.array(map(Decimal, TEXTS), pa.decimal128(9, 2)), Column("price")),
    "decimal128(38, 10)": (pa.array(map(Decimal, TEXTS), pa.decimal128(38, 10)), Column("price")),
    "decimal cents": (pa.array(map(Decimal, CENTS), pa.decimal128(12, 1)), CENTS_SCALE),
    "text": (pa.array(TEXTS), Column("price")),
    "text with zeros": (pa.array([f"0{text}00" for text in TEXTS]), Column("price")),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_every_price_of_up_to_a_thousand_is_exact(store, way):
    raw, how = WAYS[way]
    ids = pa.array([f"{cents:06}" for cents in CENTS])
    batch = pa.record_batch({"id": ids, "price": raw, ROW: pa.array(CENTS)})
    columns = {"product_id": Column("id"), "price": how}
    report = ingest(
        [SourceTable("prices", "Product", "prices", columns, lambda _: iter([batch]))], store
    )
    assert report.rejected == 0
    found = pa.Table.from_batches(store.read_nodes("Product")).sort_by("product_id")
    assert found["price"].to_pylist() == MEANT


@given(
    st.decimals(0, 10**6, places=4, allow_nan=False),
    st.sampled_from([0.01, 0.1, 0.001, 100.0, 1.19, 0.25, 0.07]),
)
def test_products_are_decimal(number, scale):
    """The rule that the SQL of ingest follows, on any number: as many places as both have."""
    places = -number.as_tuple().exponent - Decimal(repr(scale)).as_tuple().exponent
    assert round(float(number) * scale, places) == float(number * Decimal(repr(scale)))


@given(st.integers(1, 10**12), st.integers(0, 6))
@example(134217728, 0)
@example(419430375, 2)
@example(123456789, 0)
def test_noise_is_taken_off_and_nothing_else(digits, places):
    written = Decimal(digits).scaleb(-places)
    meant = float(written)
    # With eight digits and more than two places, what fits into a float32 could be either.
    assume(places <= 2 or digits < 10**6 or float(np.float32(meant)) != meant)
    noisy = [meant, float(np.nextafter(meant, np.inf)), float(np.nextafter(meant, 0))]
    assert as_meant(noisy).tolist() == [meant] * 3
    if digits < 10**6:
        assert as_meant([float(np.float32(meant))]).tolist() == [meant]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64)))
def test_what_is_meant_is_near_and_stays(numbers):
    meant = as_meant(numbers)
    np.testing.assert_allclose(meant, numbers, rtol=1e-7)
    assert as_meant(meant).tolist() == meant.tolist()


def test_what_is_no_number_stays():
    assert np.isnan(as_meant([np.nan])[0])
    assert as_meant([np.inf, -np.inf, 0.0, -0.0]).tolist() == [np.inf, -np.inf, 0.0, 0.0]


@given(st.lists(st.integers(1, 10**9), max_size=30))
def test_sums_are_those_of_the_cents(cents):
    assert exact_sum(one / 100 for one in cents) == sum(cents) / 100
    assert exact_sum(one * 0.01 for one in cents) == sum(cents) / 100
    assert sum(exact_decimals(one / 100 for one in cents)) == Decimal(sum(cents)) / 100


@pytest.mark.parametrize("bound", [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500])
def test_a_price_at_a_bound_belongs_to_the_band_above(bound):
    below = float(np.nextafter(bound, 0))
    products = pa.table({"product_id": ["a", "b", "c"], "price": [bound, below, bound - 0.01]})
    _, edges = price_bands(products)
    bands = edges["target_id"].to_pylist()
    assert bands[0] == bands[1] != bands[2]
    assert bands[0].startswith(f"{bound:g}-")
