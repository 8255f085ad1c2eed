"""What cannot be bought does not come out unless it is asked for; the market knows of p1 p3 p4.

p1 is withdrawn, p4 out of stock, p3 has a stock of 0; of p2 the status is unknown, of p5 the stock.
"""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from contracts.market import make_market
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from graphdb import SCHEMA
from graphdb.checked_schema import Schema
from graphdb.schema_types import Kind, NodeType, Property
from graphrec import Filters, QueryError, Recommender
from graphrec.bulk import write_answers
from graphrec.cli import build_app
from graphrec.publishing import QueryNode, make_release

UNSELLABLE = {"p1", "p3", "p4"}


@pytest.fixture(scope="module")
def asking(market):
    return Recommender(market)


def batch(recommender, **options):
    return recommender.recommend_many("User", ["u2", "u1"], "Product", k=20, **options)[0].ids


def top(recommender, **options):
    rows, _ = recommender.top_rows("User", [2], "Product", k=20, **options)
    return [recommender.bundle.id_of("Product", row) for row in rows[0] if row >= 0]


QUESTIONS = {
    "products_for_user": lambda r, **o: r.products_for_user("u2", k=20, **o).ids,
    "products_for_creator": lambda r, **o: r.products_for_creator("c2", k=20, **o).ids,
    "products_for_events": lambda r, **o: r.products_for_events([("VIEWED", "p1")], k=20, **o).ids,
    "of a brand": lambda r, **o: r.recommend("Brand", "b1", "Product", k=20, **o).ids,
    "similar_products": lambda r, **o: r.similar_products("p1", k=20, **o).ids,
    "recommend_many": batch,
    "recommend_vector": lambda r, **o: (
        r.recommend_vector(r.bundle.vectors("User")[0], "Product", k=20, **o).ids
    ),
    "popular": lambda r, **o: r.products_for_user("new", k=20, on_unknown="popular", **o).ids,
    "with caps": lambda r, **o: r.products_for_user("u2", k=20, max_per_brand=9, **o).ids,
    "with diversity": lambda r, **o: r.products_for_user("u2", k=20, diversity=0.5, **o).ids,
    "top_rows": top,
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_only_what_can_be_bought_comes_out(asking, question):
    ask = QUESTIONS[question]
    found = set(ask(asking))
    assert found and not found & UNSELLABLE
    everything = set(ask(asking, include_unsellable=True))
    assert found < everything and everything - found <= UNSELLABLE


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"status": "withdrawn"}, "p1"),
        ({"status": ["active", "withdrawn"]}, "p0 p1 p3 p5 p6"),
        ({"status": "active"}, "p0 p5 p6"),  # p3 has a stock of 0
        ({"in_stock": False}, "p1 p3 p4"),
        ({"in_stock": True}, "p0 p2 p5 p6"),
        ({"properties": {"stock": 0}}, "p3"),
        ({"properties": {"stock": {"max": 3}}}, "p1 p3 p4 p6"),
        ({"properties": {"status": "out_of_stock"}}, "p4"),
        ({"ids": ["p1", "p2"]}, "p2"),
        ({"status": []}, ""),
        ({}, "p0 p2 p5 p6"),
    ],
)
def test_filters_that_ask_for_them_get_them(asking, filters, found):
    answer = asking.products_for_user("u2", k=20, exclude_seen=False, filters=Filters(**filters))
    assert " ".join(sorted(answer.ids)) == found


def test_the_trace_counts_and_the_fields_show_them(asking):
    trace = asking.products_for_user("u2").trace
    assert (trace.num_unsellable, trace.num_candidates, trace.num_targets) == (3, 4, 7)
    assert asking.products_for_user("u2", filters=Filters(brands="b1")).trace.num_unsellable == 3
    assert asking.brands_for_user("u2").trace.num_unsellable == 0
    shown = {name: asking.fields("Product", name) for name in ("p0", "p1", "p2", "p3", "p4")}
    assert [fields.get("status") for fields in shown.values()] == [
        None, "withdrawn", None, None, "out_of_stock",
    ]  # fmt: skip
    assert [fields.get("stock") for fields in shown.values()] == [None, None, None, 0, None]


def test_other_types_know_no_such_thing(asking):
    for target in ("Brand", "Creator", "Shop", "Category", "Content"):
        ids = asking.recommend("User", "u2", target, k=20, exclude_seen=False).ids
        asked = {"k": 20, "exclude_seen": False, "include_unsellable": True}
        assert asking.recommend("User", "u2", target, **asked).ids == ids


@given(
    st.lists(
        st.sampled_from([None, "active", "out_of_stock", "withdrawn"]), min_size=7, max_size=7
    ),
    st.lists(st.sampled_from([None, 0, 1, 99]), min_size=7, max_size=7),
)
def test_by_any_status_and_stock(tmp_path_factory, market, status, stock):
    products = market.attributes("Product")
    for name, values in (("status", status), ("stock", stock)):
        place = products.schema.get_field_index(name)
        field = products.schema.field(name)
        products = products.set_column(place, field, pa.array(values, field.type))
    nodes = {name: market.attributes(name) for name in market.node_types} | {"Product": products}
    recommender = Recommender(make_market(tmp_path_factory.mktemp("m") / "bundle", nodes=nodes))
    found = recommender.products_for_user("u2", k=20, exclude_seen=False).ids
    can_be_bought = {
        f"p{row}"
        for row, (said, left) in enumerate(zip(status, stock, strict=True))
        if said in (None, "active") and left != 0
    }
    assert set(found) == can_be_bought


def test_a_schema_of_its_own_may_say_it_otherwise(tmp_path, market):
    """Without 'active' among its words, only the stock tells."""
    product = SCHEMA.node_type("Product")
    columns = [one for one in product.properties if one.name not in ("status", "stock")]
    status = Property("status", Kind.STRING, "In words of its own.", choices=("live", "off"))
    own = NodeType("Product", product.doc, (*columns, status))
    schema = Schema({**SCHEMA.node_types, "Product": own}, SCHEMA.relations)
    table = market.attributes("Product").drop_columns(["stock"])
    table = table.set_column(
        table.schema.get_field_index("status"),
        "status",
        [["live", "off", None, "live", "off", "live", "live"]],
    ).select(schema.arrow_schema("Product").names)
    nodes = {name: market.attributes(name) for name in market.node_types} | {"Product": table}
    recommender = Recommender(make_market(tmp_path / "own", schema=schema, nodes=nodes))
    assert len(recommender.products_for_user("u2", k=20, exclude_seen=False)) == 7


def test_files_and_drawings_hold_the_same(asking, tmp_path):
    write_answers(asking, "User", ["u2"], "Product", tmp_path / "a.parquet", k=20)
    assert not UNSELLABLE & set(pq.read_table(tmp_path / "a.parquet")["id"].to_pylist())
    (drawn,) = make_release(asking, [QueryNode("User", "u2", "Product")]).recommended
    assert not UNSELLABLE & set(drawn.rows["target_id"].to_pylist())


@pytest.mark.parametrize("command", [("recommend", "User:u2"), ("similar", "Product:p0")])
def test_the_command_line_has_one_option(market, command):
    def found(*more):
        name, node = command
        result = CliRunner().invoke(build_app(), [name, str(market.folder), node, *more, "--json"])
        return {one["id"] for one in json.loads(result.stdout)["recommendations"]}

    assert not UNSELLABLE & found("-k", "20")
    assert found("-k", "20", "--include-unsellable") >= UNSELLABLE
    assert found("-f", "status=withdrawn") == {"p1"}


def test_an_empty_answer_says_why(market):
    command = ["recommend", str(market.folder), "User:u2", "-f", "ids=p1"]
    said = " ".join(CliRunner().invoke(build_app(), command).stdout.split())
    assert "no results after" in said and "1 cannot be bought; see --include-unsellable" in said


def test_the_option_is_yes_or_no(asking):
    with pytest.raises(QueryError, match="include_unsellable is 'no'; expected True or False"):
        asking.products_for_user("u2", include_unsellable="no")
