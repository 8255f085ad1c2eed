"""A source with one target: a new edge replaces the old one, and contradictions are told."""

import pyarrow as pa
import pytest

from graphdb import SCHEMA, UpsertCounts, extend_schema, ingest, open_store
from graphdb.errors import SchemaError
from graphdb.sources.opening import arrow_tables, open_source

NODES = {
    "Product": pa.table({"product_id": ["pan", "tea"]}),
    "Category": pa.table({"category_id": ["a", "b"]}),
    "Brand": pa.table({"brand_id": ["acme", "leaf"]}),
}
IN_CATEGORY = SCHEMA.edge_type("IN_CATEGORY")


@pytest.fixture
def one_category(tmp_path):
    path = tmp_path / "more.toml"
    path.write_text("[relation.IN_CATEGORY]\none_target = true\n")
    return extend_schema(path)


def in_category(*rows):
    sources, targets = zip(*rows, strict=True)
    return pa.table({"source_id": list(sources), "target_id": list(targets)})


def test_a_schema_file_can_say_that_there_is_one_target(one_category):
    with open_store("duckdb:", schema=one_category) as store:
        old, new = in_category(("pan", "a"), ("tea", "a")), in_category(("pan", "b"), ("tea", "a"))
        ingest(arrow_tables({**NODES, IN_CATEGORY: old}, "old"), store)
        counts = ingest(arrow_tables({IN_CATEGORY: new}, "new"), store).counts
        assert counts == UpsertCounts(updated=1, unchanged=1)
        columns = ["source_id", "target_id"]
        assert store.read_edges(IN_CATEGORY, columns=columns).read_all().to_pylist() == (
            new.to_pylist()
        )


def test_a_store_with_several_targets_does_not_take_that_schema(one_category, tmp_path):
    path = str(tmp_path / "shop.duckdb")
    open_store(path).close()
    with pytest.raises(SchemaError, match="gives Product-IN_CATEGORY-Category another key"):
        open_store(path, schema=one_category)


def test_a_schema_file_can_weigh_a_relation_of_the_base(tmp_path):
    path = tmp_path / "more.toml"
    path.write_text("[relation.LIKED]\nevent_weight = 7\n")
    assert extend_schema(path).relation("LIKED").event_weight == 7
    assert extend_schema(path).relation("VIEWED") == SCHEMA.relation("VIEWED")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[relation.PURCHASED]\none_target = true", "PURCHASED repeats, so it cannot have one"),
        ("[relation.MADE_BY]\nis_event = true", "MADE_BY exists, and its 'is_event' cannot change"),
        ("[relation.VIEWED]\nrepeats = false", "VIEWED exists, and its 'repeats' cannot change"),
    ],
)
def test_what_a_relation_is_cannot_change(tmp_path, text, message):
    path = tmp_path / "more.toml"
    path.write_text(text)
    with pytest.raises(SchemaError, match=message):
        extend_schema(path)


CATALOGUE = """\
[[table]]
file = "lines.csv"
relation = "MADE_BY"
distinct = true
[table.columns]
source_id = "product"
target_id = "brand"
"""


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("pan,acme\npan,leaf\ntea,leaf\npan,acme\n", "1 Product nodes have several MADE_BY"),
        ("pan,acme\npan,acme\ntea,leaf\n", None),
    ],
)
def test_a_distinct_table_says_where_it_contradicts_itself(tmp_path, lines, said):
    (tmp_path / "lines.csv").write_text("product,brand\n" + lines)
    (tmp_path / "mapping.toml").write_text(CATALOGUE)
    with open_store("duckdb:") as store:
        ingest(arrow_tables(NODES, "nodes"), store)
        report = ingest(open_source(str(tmp_path), SCHEMA, None), store)
    assert [said in str(warning) for warning in report.warnings] == ([True] if said else [])
    assert report.rejected == 0


def test_of_two_targets_of_one_time_the_report_tells(tmp_path):
    lines = ["source_id,target_id,since", "pan,acme,2025-01-01", "pan,leaf,2025-01-01"]
    (tmp_path / "Product-MADE_BY-Brand.csv").write_text("\n".join(lines) + "\n")
    with open_store("duckdb:") as store:
        ingest(arrow_tables(NODES, "nodes"), store)
        report = ingest(open_source(str(tmp_path), SCHEMA, None), store)
        (edge,) = store.read_edges(SCHEMA.edge_type("MADE_BY")).read_all().to_pylist()
    (warning,) = report.warnings
    assert "such as 'pan' to 'acme' and 'leaf', and one of them is kept" in warning.message
    assert edge["target_id"] == "leaf"


def test_without_a_time_the_second_row_is_rejected(tmp_path):
    (tmp_path / "Product-MADE_BY-Brand.csv").write_text("source_id,target_id\npan,acme\npan,leaf\n")
    with open_store("duckdb:") as store:
        ingest(arrow_tables(NODES, "nodes"), store)
        report = ingest(open_source(str(tmp_path), SCHEMA, None), store)
    assert (report.rejected, report.warnings) == (1, [])
