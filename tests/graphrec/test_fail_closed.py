"""Lists that are empty, or whose entries name nothing, never let out what they should hold back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from graphrec import (
    Block,
    Filters,
    InvalidFilterError,
    Licence,
    OwnBlock,
    Policy,
    PolicyError,
    Recommender,
    read_policy,
)
from graphrec.cli import build_app
from graphrec.cli.options import _LISTS

WORKS_ON = {  # per list of a filter, a target type and one that the market has
    "ids": ("Product", "p3"),
    "categories": ("Product", "toys"),
    "brands": ("Product", "b1"),
    "shops": ("Product", "s1"),
    "tags": ("Product", "t0"),
    "creators": ("Product", "c1"),
    "agencies": ("Creator", "a0"),
    "price_bands": ("Product", None),  # the market has none
    "status": ("Product", "active"),
}
NAMED = [(field, *of) for field, of in WORKS_ON.items() if of[1] and field != "status"]
SPELLINGS = {
    "spaces around": " {} ",
    "a tab": "{}\t",
    "a no-break space": "\u00a0{}",
    "an invisible space": "{}\u200b",
    "a byte order mark": "\ufeff{}",
}


@pytest.fixture(scope="module")
def recommender(market):
    return Recommender(market)


def asked(recommender, target, filters):
    everything = {"exclude_seen": False, "include_unsellable": True}
    return recommender.recommend("User", "u2", target, filters=filters, **everything)


def test_every_list_is_tried():
    assert sorted(WORKS_ON) == sorted(_LISTS)
    texts = [name for name, of in Filters.model_fields.items() if "[tuple[Annotated[str" in str(of)]
    assert sorted(WORKS_ON) == sorted(texts)


@pytest.mark.parametrize("field", WORKS_ON)
@pytest.mark.parametrize("empty", [[], (), set()])
def test_an_empty_list_lets_nothing_out(recommender, field, empty):
    filters = Filters(**{field: empty})
    assert field in filters.used()
    assert asked(recommender, WORKS_ON[field][0], filters).ids == ()


@pytest.mark.parametrize("field", WORKS_ON)
def test_none_filters_nothing(recommender, field):
    target = WORKS_ON[field][0]
    everything = asked(recommender, target, None).ids
    assert asked(recommender, target, Filters(**{field: None})).ids == everything


@pytest.mark.parametrize("field", WORKS_ON)
def test_an_empty_list_of_exclusions_leaves_nothing_out(recommender, field):
    target = WORKS_ON[field][0]
    everything = asked(recommender, target, None).ids
    found = asked(recommender, target, Filters(exclude=Filters(**{field: []})))
    assert found.ids == everything
    twice = Filters(exclude=Filters(exclude=Filters(**{field: []})))
    assert asked(recommender, target, twice).ids == ()


def test_an_empty_list_of_values_of_a_property(recommender):
    assert asked(recommender, "Creator", Filters(properties={"followers": []})).ids == ()
    everything = asked(recommender, "Creator", None).ids
    for exclude in ({"followers": []}, {}):
        filters = Filters(exclude=Filters(properties=exclude))
        assert asked(recommender, "Creator", filters).ids == everything
    assert asked(recommender, "Creator", Filters(properties={})).ids == everything


@given(
    st.dictionaries(
        st.sampled_from([field for field, of in WORKS_ON.items() if of[0] == "Product"]),
        st.lists(st.nothing()) | st.none(),
    )
)
def test_any_empty_list_among_filters_closes_all(recommender, fields):
    closed = [] in fields.values()
    assert bool(asked(recommender, "Product", Filters(**fields))) != closed


@pytest.mark.parametrize("spelling", [*SPELLINGS.values(), "upper case", "full width"])
@pytest.mark.parametrize(("field", "target", "known"), NAMED)
def test_a_known_one_in_another_spelling_is_an_error(recommender, field, target, known, spelling):
    entry = respelled(known, spelling)
    for filters in (
        {field: [entry]},
        {"exclude": {field: [entry]}},
        {"exclude": {field: [known, entry]}, "on_missing": "skip"},
    ):
        with pytest.raises(InvalidFilterError, match=f"{field}': no .* did you mean '{known}'"):
            asked(recommender, target, Filters(**filters))


def respelled(known, spelling):
    if spelling == "upper case":
        return known.upper()
    if spelling == "full width":
        return "".join(chr(ord(letter) + 0xFEE0) for letter in known)
    return spelling.format(known)


def test_values_of_properties_in_another_spelling_are_errors(recommender):
    for filters, meant in (
        ({"properties": {"city": "graz"}}, "Graz"),
        ({"exclude": {"properties": {"city": "Linz "}}}, "Linz"),
    ):
        with pytest.raises(
            InvalidFilterError, match=rf"no User has the city '.*'; did you mean '{meant}'"
        ):
            asked(recommender, "User", Filters(**filters))
    assert asked(recommender, "User", Filters(properties={"city": "Wien"})).ids == ()


@pytest.mark.parametrize(
    ("filters", "left", "skipped"),
    [
        ({"exclude": {"ids": ["p3", "new"]}}, "p0 p1 p2 p4 p5 p6", "exclude.ids:new"),
        ({"exclude": {"ids": ["new"]}}, "p0 p1 p2 p3 p4 p5 p6", "exclude.ids:new"),
        ({"exclude": {"brands": ["b1", "new"]}}, "p0 p2 p5 p6", "exclude.brands:new"),
        ({"ids": ["p3", "new"], "on_missing": "skip"}, "p3", "ids:new"),
        ({"ids": ["new"], "on_missing": "skip"}, "", "ids:new"),
        (
            {"exclude": {"brands": ["new"], "on_missing": "skip"}},
            "p0 p1 p2 p3 p4 p5 p6",
            "exclude.brands:new",
        ),
    ],
)
def test_what_the_bundle_does_not_hold_is_skipped_and_told(recommender, filters, left, skipped):
    for _ in range(2):  # the second time from what is remembered
        found = asked(recommender, "Product", Filters(**filters))
        assert " ".join(sorted(found.ids)) == left
        (one,) = found.trace.skipped
        assert f"{one.asked_by}:{one.id}" == "filter '{}':{}".format(*skipped.split(":"))


@pytest.mark.parametrize(
    "filters",
    [
        {"ids": ["p3", "new"]},
        {"brands": ["b1", "new"]},
        {"exclude": {"brands": ["new"]}},
        {"exclude": {"ids": ["p3", "new"], "on_missing": "error"}},
        {"exclude": {"ids": ["p3", "new"]}, "on_missing": "error"},
        {"exclude": {"exclude": {"ids": ["p3", "new"]}}},  # only these may come out
    ],
)
def test_what_may_come_out_must_be_known(recommender, filters):
    with pytest.raises(InvalidFilterError, match=r"no (Product|Brand) has the id or name 'new'"):
        asked(recommender, "Product", Filters(**filters))


RULES = {
    "block": lambda ids: {"blocks": [Block(type="Product", ids=ids, reason="RECALLED")]},
    "licence": lambda ids: {"licences": [Licence(categories=ids, holders={"Shop": "s0"})]},
    "holder": lambda ids: {"licences": [Licence(categories="toys", holders={"Shop": ids})]},
    "own block": lambda ids: {"own_blocks": [OwnBlock(user="u2", type="Brand", ids=ids)]},
    "user": lambda ids: {"own_blocks": [OwnBlock(user=one, type="Brand", ids="b1") for one in ids]},
}
KNOWN = {"block": "p3", "licence": "wine", "holder": "s1", "own block": "b1", "user": "u2"}


@pytest.mark.parametrize("spelling", [*SPELLINGS.values(), "upper case", "full width"])
@pytest.mark.parametrize("rule", RULES)
def test_no_rule_of_a_policy_is_lost_to_spelling(market, rule, spelling):
    known, entry = KNOWN[rule], respelled(KNOWN[rule], spelling)
    for ids in ([entry], [known, entry], ["new", entry]):
        policy = Policy(version="1", **RULES[rule](ids))
        hint = f"did you mean '{known}'"
        with pytest.raises(PolicyError, match=hint) as caught:
            Recommender(market, policy=policy)
        assert caught.value.value == entry


@pytest.mark.parametrize(("number", "entry"), [("0017", "17"), ("17", "0017"), ("17", "17.0")])
def test_numbers_that_a_spreadsheet_rewrote(make_recommender, content, number, entry):
    brands = content["nodes"]["Brand"].set_column(0, "brand_id", [[number, "zz"]])
    recommender = make_recommender(nodes={**content["nodes"], "Brand": brands})
    with pytest.raises(
        PolicyError, match=f"no Brand has the id '{entry}'; did you mean '{number}'"
    ):
        recommender.set_policy(
            Policy(version="1", blocks=[Block(type="Brand", ids=["zz", entry], reason="X")])
        )


@pytest.mark.parametrize("rule", ["block", "licence"])
def test_a_list_that_names_nothing_is_refused_unless_the_rule_allows_it(market, rule):
    (kind, (made,)) = next(iter(RULES[rule](["new", "newer"]).items()))
    recommender = Recommender(market)
    with pytest.raises(PolicyError, match=r"holds none of its 2 .* ids, 'new', 'newer'.*allow_unk"):
        recommender.set_policy(Policy(version="1", **{kind: [made]}))
    allowed = type(made)(**{**dict(made), "allow_unknown": True})
    recommender.set_policy(Policy(version="1", **{kind: [allowed]}))
    assert sum(recommender.unknown_policy_ids.values()) == 2
    assert "'new', 'newer'" in " ".join(recommender.policy_warnings)


def test_without_a_holder_nobody_has_the_licence(market):
    licence = Licence(categories="wine", holders={"Shop": []})
    recommender = Recommender(market, policy=Policy(version="1", licences=[licence]))
    found = asked(recommender, "Product", None)
    assert not {"p0", "p1"} & set(found.ids)


def test_a_policy_that_no_node_can_meet_is_refused():
    with pytest.raises(PolicyError, match=r"'where.status' is an empty list"):
        Block(type="Product", where={"status": []}, reason="X")


FILE = (
    'version = "1"\n[[block]]\ntype = "Product"\nids_file = "recalled.csv"\nreason = "RECALLED"\n'
)


@pytest.mark.parametrize("content", ["id\n", "id\n\n"])
def test_an_empty_list_of_recalls_holds_and_is_told(market, tmp_path, content):
    (tmp_path / "recalled.csv").write_text(content)
    (tmp_path / "policy.toml").write_text(FILE)
    recommender = Recommender.open(market.folder, policy=tmp_path / "policy.toml")
    (warning,) = recommender.policy_warnings
    assert "recalled.csv' names nothing: RECALLED bars nothing" in warning
    assert len(asked(recommender, "Product", None)) == 7


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_the_command_line_says_on_stderr_what_it_did_without(market, tmp_path, as_json):
    (tmp_path / "recalled.csv").write_text("id\n")
    rule = '[[block]]\ntype = "Product"\nids = ["p3", "p99"]\nreason = "FAKE"\n'
    (tmp_path / "policy.toml").write_text(FILE + rule)
    arguments = ["--policy", str(tmp_path / "policy.toml"), "--exclude", "ids=listed-today"]
    command = ["recommend", str(market.folder), "User:u2", *arguments, *as_json]
    found = CliRunner().invoke(build_app(), command)
    assert found.exit_code == 0
    for said in (
        "recalled.csv' names nothing: RECALLED bars nothing",
        "the bundle does not hold 1 Product ids of the policy, 'p99'",
        "it is not in the bundle: Product 'listed-today' (filter 'exclude.ids')",
    ):
        assert said in found.stderr
    if as_json:
        (skipped,) = json.loads(found.stdout)["trace"]["skipped"]
        assert skipped["id"] == "listed-today"


@pytest.mark.parametrize("content", ["", "\n"])
def test_a_file_without_even_a_header_is_refused_by_name(tmp_path, content):
    (tmp_path / "recalled.csv").write_text(content)
    (tmp_path / "policy.toml").write_text(FILE)
    with pytest.raises(PolicyError, match=r"'.*recalled.csv' is"):
        read_policy(tmp_path / "policy.toml")
