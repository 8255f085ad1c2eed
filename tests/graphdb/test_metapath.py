"""Metapaths: their text, their reverse, and what a schema says of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import SchemaError
from graphdb.schema import SCHEMA
from graphdb.schema_types import MetaPath, Step

STEPS = [
    step
    for edge_type in SCHEMA.edge_types()
    for step in (Step(edge_type), Step(edge_type, backwards=True))
]


@st.composite
def metapaths(draw) -> MetaPath:
    """Any walk through the schema of up to five steps."""
    path = MetaPath(draw(st.sampled_from(sorted(SCHEMA.node_types))))
    for _ in range(draw(st.integers(0, 5))):
        onwards = [step for step in STEPS if step.source == path.target]
        if not onwards:
            break
        path += MetaPath(path.target, (draw(st.sampled_from(onwards)),))
    return path


@given(metapaths())
def test_the_text_says_all(path):
    assert MetaPath.parse(str(path)) == path
    if path.steps:
        assert SCHEMA.parse_metapath(str(path)) == path


@given(metapaths())
def test_the_reverse_runs_through_the_same_edge_types(path):
    back = path.reverse()
    assert (back.source, back.target) == (path.target, path.source)
    assert back.edge_types == path.edge_types[::-1]
    assert back.reverse() == path


@given(metapaths(), metapaths())
def test_two_in_a_row_are_one(first, second):
    if first.target == second.source:
        joined = first + second
        assert joined.relations == first.relations + second.relations
        assert joined.reverse() == second.reverse() + first.reverse()


@pytest.mark.parametrize("text", ["", "User-PURCHASED", "User--Product", "User-PURCHASED-", "-"])
def test_what_is_no_metapath_is_named(text):
    with pytest.raises(SchemaError, match=r"is not a metapath; expected Type-RELATION-Type"):
        MetaPath.parse(text)


def test_a_schema_wants_steps_that_it_has():
    with pytest.raises(SchemaError, match="is a metapath without steps"):
        SCHEMA.parse_metapath("User")
    with pytest.raises(SchemaError, match=r"PURCHASD.*PURCHASED"):
        SCHEMA.parse_metapath("User-PURCHASD-Product")
