"""Answers as tables and in notebooks: same columns whatever is in them, and no harm in any text."""

import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

from graphdb import SCHEMA, Kind, Property, Schema
from graphdb.schema_types import CREATED_AT
from graphdb.tabular import html_table
from graphrec import Batch, Filters, QueryError, Recommender
from graphrec.query.results import table_schema

TARGETS = ("Product", "Brand", "Creator", "Content", "Category")
FIRST = ["query_type", "query_id", "rank", "type", "id", "score"]


@pytest.fixture(scope="module")
def asking(market):
    return Recommender(market)


def answers_about(recommender, target_type):
    """Full, filtered to nothing, unknown, popular, similar, of events and of a vector."""
    nothing = Filters(ids=[])
    vector = recommender.bundle.vectors("User")[0]
    ask = recommender.recommend
    return [
        ask("User", "u0", target_type, k=5, exclude_seen=False),
        ask("User", "u0", target_type, k=1, exclude_seen=False),
        ask("User", "u0", target_type, filters=nothing),
        ask("User", "nobody", target_type, on_unknown="skip"),
        ask("User", "nobody", target_type, on_unknown="popular"),
        recommender.recommend_for_events([("PURCHASED", "p0")], target_type),
        recommender.recommend_vector(vector, target_type),
        recommender.similar(target_type, recommender.bundle.id_of(target_type, 0)),
    ]


@pytest.mark.parametrize("target_type", TARGETS)
def test_tables_of_one_target_type_can_be_concatenated(asking, target_type):
    answers = answers_about(asking, target_type)
    tables = [answer.to_arrow() for answer in answers]
    assert sum(map(len, answers)) > 0 and any(not answer for answer in answers)
    whole = pa.concat_tables(tables)
    assert whole.num_rows == sum(map(len, answers))
    assert {table.schema for table in tables} == {table_schema(SCHEMA, target_type)}
    assert Batch(answers).to_arrow() == whole


@pytest.mark.parametrize("target_type", TARGETS)
def test_every_field_has_a_column_with_its_values(asking, target_type):
    for answer in answers_about(asking, target_type):
        table = answer.to_arrow()
        assert table.column_names[:6] == FIRST and table.column_names[-1] == "reasons"
        rows = table.to_pylist()
        assert [row["id"] for row in rows] == list(answer.ids)
        for row, item in zip(rows, answer, strict=True):
            fields = {name: row[name] for name in table.column_names[6:-1]}
            assert {name: value for name, value in fields.items() if value is not None} == dict(
                item.fields
            )


def test_a_property_named_as_another_column_gets_a_prefix():
    creator = SCHEMA.node_type("Creator")
    ranked = replace(creator, properties=(*creator.properties, Property("rank", Kind.INT, "")))
    schema = Schema({**SCHEMA.node_types, "Creator": ranked}, SCHEMA.relations)
    names = table_schema(schema, "Creator").names
    assert names == [*FIRST, "name", "followers", "field_rank", "reasons"]


def test_a_batch_is_a_list_and_one_table(recommender):
    batch = recommender.recommend_many("User", ["ann", "dan", "eve", "bob"], "Product", k=2)
    assert batch == [
        recommender.recommend("User", one.query_id, "Product", k=2, on_unknown="skip")
        for one in batch
    ]
    assert batch.outcomes == {
        "ann": "answered",
        "dan": "nothing_known",
        "eve": "unknown_id",
        "bob": "answered",
    }
    assert batch.to_arrow()["query_id"].to_pylist() == ["ann", "ann", "bob", "bob"]
    assert isinstance(batch[1:3], Batch) and batch[1:3] == [batch[1], batch[2]]
    assert batch[1:3].to_arrow().schema == batch.to_arrow().schema
    assert repr(batch) == "<4 answers: 2 answered, 1 unknown_id, 1 nothing_known>"


def test_a_batch_of_no_queries_has_the_columns_too(recommender):
    none = recommender.recommend_many("User", [], "Product")
    some = recommender.recommend_many("User", ["ann"], "Product")
    assert none == [] and none.outcomes == {}
    assert pa.concat_tables([none.to_arrow(), some.to_arrow()]) == some.to_arrow()


def test_frames_of_pandas_and_polars_hold_the_same(recommender):
    for result in (
        recommender.products_for_user("ann"),
        recommender.recommend_many("User", ["ann", "eve"], "Product"),
        recommender.products_for_user("ann", filters=Filters(ids=[])),
    ):
        table = result.to_arrow()
        assert result.to_polars().to_arrow().to_pylist() == table.to_pylist()
        frame = result.to_pandas()
        assert list(frame.columns) == table.column_names
        assert frame["id"].tolist() == table["id"].to_pylist()
        assert np.array_equal(frame["score"], table["score"].to_numpy())


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_missing_package_is_told_in_one_line(recommender, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    answer = recommender.products_for_user("ann")
    with pytest.raises(QueryError, match=f"{package} is not installed; pip install {package}, or"):
        getattr(answer, f"to_{package}")()


def test_representations_are_short(recommender):
    answer = recommender.products_for_user("ann")
    assert repr(answer) == "<4 Product for User 'ann': 'p2', 'p4', 'p3', ...>"
    assert repr(recommender.products_for_user("ann", k=1)) == "<1 Product for User 'ann': 'p2'>"
    unknown = recommender.products_for_user("eve", on_unknown="skip")
    assert repr(unknown) == "<0 Product for User 'eve', unknown_id>"
    assert repr(recommender.explain("User", "ann", "Product", "p2")).startswith(
        "<Why Product:p2 'East Kefir' for User:ann, paths: "
    )


class Cells(HTMLParser):
    """The tags of a page, and its texts."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = set(), []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data):
        self.texts.append(data)


HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>\x1b[31m"
TAGS = {"table", "caption", "thead", "tbody", "tr", "th", "td", "p"}


def test_notebooks_show_tables_and_run_nothing(make_recommender, content, make_node_table):
    nodes = {"p1": {"title": HOSTILE, "price": 1.0}} | {f"p{i}": {} for i in range(2, 7)}
    brands = make_node_table("Brand", {"acme": {"name": HOSTILE}, "bolt": {}})
    tables = {"Product": make_node_table("Product", nodes), "Brand": brands}
    recommender = make_recommender(nodes={**content["nodes"], **tables})
    answer = recommender.products_for_user("ann", exclude_seen=False)
    batch = recommender.recommend_many("User", ["ann", HOSTILE], "Product")
    for result in (answer, batch, recommender.brands_for_user("ann", exclude_seen=False)):
        page = Cells(result._repr_html_())
        assert page.tags <= TAGS and {"table", "td"} <= page.tags
        assert any(HOSTILE[:-5] in text for text in page.texts) and "\x1b" not in page.texts
    assert Cells(answer._repr_html_()).texts[0] == "6 Product for User 'ann'"
    why = recommender.explain("User", "ann", "Product", "p1")._repr_html_()
    assert "<svg" in why and "<script" not in why and "<img" not in why


def test_long_tables_are_cut_and_columns_without_values_left_out():
    page = html_table("all", [{"id": number, "city": None} for number in range(60)])
    assert page.count("<tr>") == 51
    assert "city" not in page and "and 10 more rows" in page


def test_display_fields_leave_out_what_the_columns_leave_out():
    for node_type in SCHEMA.node_types:
        names = table_schema(SCHEMA, node_type).names
        assert SCHEMA.node_type(node_type).key not in names and CREATED_AT not in names
