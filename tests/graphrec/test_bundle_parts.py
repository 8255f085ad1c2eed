"""What a bundle may not be made of: every part that does not fit is refused by name."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from graphdb.errors import BundleError
from graphdb.schema_types import EdgeType
from graphrec import write_bundle
from graphrec.bundle import Evidence, QualityRule

PURCHASED = EdgeType("User", "PURCHASED", "Product")


def nan_vectors(content):
    content["vectors"]["Product"][4, 1] = np.nan


def infinite_vectors(content):
    content["vectors"]["User"][2, 0] = np.inf


def double_vectors(content):
    content["vectors"]["User"] = content["vectors"]["User"].astype(np.float64)


def too_few_vectors(content):
    content["vectors"]["User"] = content["vectors"]["User"][:3]


def other_length(content):
    content["vectors"]["Brand"] = np.ones((2, 3), dtype=np.float32)


def no_vectors(content):
    content["vectors"] = {}


def vectors_without_nodes(content):
    content["vectors"]["Shop"] = np.ones((1, 2), dtype=np.float32)


def unsorted_ids(content):
    content["nodes"]["User"] = content["nodes"]["User"].take([1, 0, 2, 3])


def repeated_id(content):
    content["nodes"]["User"] = content["nodes"]["User"].take([0, 1, 1, 2])


def missing_column(content):
    content["nodes"]["Product"] = content["nodes"]["Product"].drop_columns(["price"])


def wrong_column_type(content):
    table = content["nodes"]["Product"]
    position = table.column_names.index("price")
    prices = table["price"].cast(pa.string())
    content["nodes"]["Product"] = table.set_column(position, "price", prices)


def edges_without_nodes(content):
    del content["nodes"]["Category"]


def edges_of_another_size(content):
    content["edges"][PURCHASED] = content["edges"][EdgeType("User", "FOLLOWS", "Brand")]


def unsorted_targets(content):
    adjacency = content["edges"][PURCHASED]
    content["edges"][PURCHASED] = type(adjacency)(
        adjacency.indptr, adjacency.indices[::-1].copy(), adjacency.num_targets
    )


def narrow_pointers(content):
    adjacency = content["edges"][PURCHASED]
    content["edges"][PURCHASED] = type(adjacency)(
        adjacency.indptr.astype(np.int32), adjacency.indices, adjacency.num_targets
    )


def evidence(content, counts=(1,) * 6, last_at_s=(0,) * 6, of=PURCHASED):
    found = Evidence(np.array(counts, np.int32), np.array(last_at_s, np.int64))
    content["edges"][of] = replace(content["edges"][of], evidence=found)


def evidence_of_too_few_edges(content):
    evidence(content, counts=(1,) * 5)


def evidence_of_a_wrong_kind(content):
    evidence(content)
    found = content["edges"][PURCHASED].evidence
    content["edges"][PURCHASED] = replace(
        content["edges"][PURCHASED], evidence=replace(found, last_at_s=found.last_at_s / 2)
    )


def evidence_of_nothing(content):
    evidence(content, counts=(1, 0, 1, 1, 1, 1))


def evidence_of_the_future(content):
    evidence(content, last_at_s=(0, 0, 0, content["cutoff"].timestamp(), 0, 0))


def evidence_of_edges(content):
    evidence(content, of=EdgeType("Product", "MADE_BY", "Brand"))


def changed_quality(content, **changes):
    quality = content["quality"]["Product"]
    table = quality.table
    for name, values in changes.items():
        place = table.column_names.index(name)
        table = table.set_column(place, table.field(name), pa.array(values, table[name].type))
    content["quality"]["Product"] = replace(quality, table=table)


def quality_above_one(content):
    changed_quality(content, quality=[0.5, 0.5, 1.1, 0.5, 0.5, 0.5])


def quality_unknown(content):
    changed_quality(content, quality=[0.5, None, 0.5, 0.5, 0.5, 0.5])


def quality_of_a_part_that_is_none(content):
    changed_quality(content, rating=[3.0] * 6)


def quality_with_debts(content):
    changed_quality(content, paid_per_order=[1.0, None, -2.0, 1.0, 1.0, 1.0])


def quality_of_fewer_than_no_orders(content):
    changed_quality(content, num_orders=[1, 1, -1, 1, 1, 1])


def quality_of_too_few_nodes(content):
    quality = content["quality"]["Product"]
    content["quality"]["Product"] = replace(quality, table=quality.table.slice(1))


def quality_without_a_column(content):
    quality = content["quality"]["Product"]
    content["quality"]["Product"] = replace(quality, table=quality.table.drop_columns(["rating"]))


def quality_of_an_unknown_part(content):
    quality = content["quality"]["Product"]
    parts = {"beauty": quality.rule.parts["return_rate"]}
    content["quality"]["Product"] = replace(quality, rule=QualityRule(parts=parts))


def quality_without_nodes(content):
    content["quality"]["Shop"] = content["quality"]["Product"]


def cutoff_without_timezone(content):
    content["cutoff"] = datetime(2017, 12, 1)


def metrics_with_nan(content):
    content["metrics"] = {"recall@20": float("nan")}


def config_with_an_object(content):
    content["config"] = {"encoder": object()}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (nan_vectors, "vector of Product row 4 is not finite; expected no NaN and no infinity"),
        (infinite_vectors, "vector of User row 2 is not finite"),
        (double_vectors, r"User vectors are float64 \[4, 2\]; expected float32 \[4, dim\]"),
        (too_few_vectors, r"User vectors are float32 \[3, 2\]; expected float32 \[4, dim\]"),
        (other_length, "vectors of different lengths.*'Brand': 3"),
        (no_vectors, "no node type has vectors"),
        (vectors_without_nodes, "vectors for Shop, but no Shop nodes"),
        (unsorted_ids, "User table is not sorted by user_id"),
        (repeated_id, "User table is not sorted by user_id; expected unique nonempty ids"),
        (missing_column, "Product table has the columns.*expected.*'price'"),
        (wrong_column_type, "Product.price is string; expected double"),
        (edges_without_nodes, "IN_CATEGORY-Category needs Category nodes"),
        (edges_of_another_size, "PURCHASED-Product edges 4 sources to 2 targets; expected 4 to 6"),
        (unsorted_targets, "targets in User-PURCHASED-Product are not ascending and distinct"),
        (narrow_pointers, "has int32 and int32 arrays; expected int64 indptr"),
        (evidence_of_too_few_edges, r"evidence of User-PURCHASED-Product has 5 counts and 6 times"),
        (evidence_of_a_wrong_kind, "has int32 and float64 arrays; expected int32 counts and int64"),
        (evidence_of_nothing, "an edge of User-PURCHASED-Product happened 0 times; expected 1 or"),
        (evidence_of_the_future, r"happened 1512086400 seconds.*expected none from the cut-off on"),
        (evidence_of_edges, "Product-MADE_BY-Brand carries evidence of events; expected no"),
        (
            quality_above_one,
            "quality of Product has values outside 0 to 1; check for",
        ),
        (quality_unknown, "quality of Product has values outside 0 to 1"),
        (quality_of_a_part_that_is_none, "rating of Product has values but is not a part of the"),
        (
            quality_with_debts,
            "paid_per_order of Product is negative or not a number; expected 0 or more",
        ),
        (quality_of_fewer_than_no_orders, "num_orders of Product has empty or negative values"),
        (quality_of_too_few_nodes, "the quality table of Product has 5 nodes; expected 6"),
        (quality_without_a_column, "quality of Product has the columns.*rating"),
        (quality_of_an_unknown_part, "has the part 'beauty'; expected one of return_rate, rating"),
        (quality_without_nodes, "quality of Shop, but no Shop nodes"),
        (cutoff_without_timezone, "cut-off 2017-12-01 00:00:00 has no timezone"),
        (metrics_with_nan, "the metrics cannot be written as JSON"),
        (config_with_an_object, "the config cannot be written as JSON: Object of type object"),
    ],
)
def test_refuses_parts_that_do_not_fit(tmp_path, content, spoil, message):
    spoil(content)
    with pytest.raises(BundleError, match=message):
        write_bundle(tmp_path / "b", **content)
    assert list(tmp_path.iterdir()) == []
