"""One id that the bundle does not hold ends no question: it is skipped, and told."""

import json

import pytest
from typer.testing import CliRunner

from graphrec import Filters, QueryError, Recommender, UnknownIdError
from graphrec.cli import build_app

NEW = "listed-today"


@pytest.fixture(scope="module")
def asking(market):
    return Recommender(market)


def vector_of(recommender, user="u0"):
    bundle = recommender.bundle
    return bundle.vectors("User")[bundle.row_of("User", user)]


EVENTS = [("PURCHASED", "p0"), ("VIEWED", "p1")]
QUESTIONS = {  # name: (as asked with all ids known, with one unknown, the type of the unknown one)
    "events": (
        lambda r: r.products_for_events(EVENTS),
        lambda r: r.products_for_events([("VIEWED", NEW), *EVENTS, ("CARTED", NEW)]),
        "Product",
    ),
    "events of several types": (
        lambda r: r.recommend_for_events([("PURCHASED", "p0"), ("WATCHED", "v1")], "Brand"),
        lambda r: r.recommend_for_events(
            [("PURCHASED", "p0"), ("WATCHED", NEW), ("WATCHED", "v1")],
            "Brand",
        ),
        "Content",
    ),
    "events, with what is popular": (
        lambda r: r.products_for_events(EVENTS[:1], on_unknown="popular"),
        lambda r: r.products_for_events([*EVENTS[:1], ("VIEWED", NEW)], on_unknown="popular"),
        "Product",
    ),
    "exclude.ids": (
        lambda r: r.products_for_user("u2", filters=Filters(exclude=Filters(ids=["p3"]))),
        lambda r: r.products_for_user("u2", filters=Filters(exclude=Filters(ids=["p3", NEW]))),
        "Product",
    ),
    "exclude.ids of what is similar": (
        lambda r: r.similar_products("p0", filters=Filters(exclude=Filters(ids="p3"))),
        lambda r: r.similar_products("p0", filters=Filters(exclude=Filters(ids=[NEW, "p3"]))),
        "Product",
    ),
    "exclude_ids": (
        lambda r: r.recommend_vector(vector_of(r), "Product", exclude_ids=["p3"]),
        lambda r: r.recommend_vector(vector_of(r), "Product", exclude_ids=["p3", NEW]),
        "Product",
    ),
    "only exclude_ids": (
        lambda r: r.recommend_vector(vector_of(r), "Product"),
        lambda r: r.recommend_vector(vector_of(r), "Product", exclude_ids=[NEW]),
        "Product",
    ),
    "users": (
        lambda r: r.users_like(["u0"]),
        lambda r: r.users_like([NEW, "u0"]),
        "User",
    ),
    "a brand's creators": (
        lambda r: r.creator_portfolio("b2", k=2, filters=Filters(exclude=Filters(ids="c0"))),
        lambda r: r.creator_portfolio("b2", k=2, filters=Filters(exclude=Filters(ids=["c0", NEW]))),
        "Creator",
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_answer_comes_from_the_rest(asking, question):
    known, unknown, node_type = QUESTIONS[question]
    without, found = known(asking), unknown(asking)
    assert found.ids == without.ids != ()
    assert without.trace.skipped == ()
    (skipped,) = found.trace.skipped
    assert (skipped.type, skipped.id) == (node_type, NEW)


def test_a_batch_tells_per_query_node(asking):
    answers = asking.recommend_many("User", ["u0", NEW, "u1"], "Product", k=2)
    assert [answer.query_id for answer in answers] == ["u0", NEW, "u1"]
    assert [answer.outcome for answer in answers] == ["answered", "unknown_id", "answered"]
    assert answers[0] == asking.recommend("User", "u0", "Product", k=2)
    assert answers[1].ids == () and answers[1].trace.skipped[0].id == NEW
    popular = asking.recommend_many("User", ["u0", NEW], "Product", k=2, on_unknown="popular")
    assert [answer.outcome for answer in popular] == ["answered", "popular"]


def test_of_whom_nothing_is_known_is_told_too(recommender):
    answers = recommender.recommend_many("User", ["ann", "dan", "eve"], "Product")
    outcomes = [answer.outcome for answer in answers]
    assert outcomes == ["answered", "nothing_known", "unknown_id"]
    assert recommender.recommend("User", "eve", "Product", on_unknown="skip") == answers[2]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: r.products_for_user(NEW), f"no User has the id '{NEW}'"),
        (lambda r: r.similar_products(NEW), f"no Product has the id '{NEW}'; similar ids"),
        (lambda r: r.recommend_many("User", [NEW], "Product", on_unknown="error"), "no User"),
        (lambda r: r.products_for_events([("VIEWED", NEW)]), f"no Product has the id '{NEW}'"),
        (lambda r: r.users_like([NEW]), f"no User has the id '{NEW}'$"),
        (
            lambda r: r.recommend_vector(vector_of(r), "Product", exclude_ids=["p3", " P5"]),
            "exclude_ids: no Product has the id ' P5'; did you mean 'p5'",
        ),
    ],
)
def test_what_is_asked_about_must_be_known(asking, ask, message):
    with pytest.raises(UnknownIdError, match=message):
        ask(asking)


@pytest.mark.parametrize(
    ("on_unknown", "outcome"), [("popular", "popular"), ("skip", "nothing_known")]
)
@pytest.mark.parametrize("events", [[("VIEWED", NEW)], [("RETURNED", "p0")], []])
def test_events_that_tell_nothing(asking, events, on_unknown, outcome):
    with pytest.raises(QueryError):
        asking.products_for_events(events)
    answer = asking.products_for_events(events, on_unknown=on_unknown)
    assert answer.outcome == outcome
    assert (len(answer) > 0) == (on_unknown == "popular")
    assert "p0" not in answer.ids or not events or events[0][0] != "RETURNED"


@pytest.mark.parametrize(
    "ask",
    [
        lambda r, ids: r.recommend_vector(vector_of(r), "Product", exclude_ids=ids).ids,
        lambda r, ids: [one.query_id for one in r.recommend_many("Product", ids, "User")],
    ],
)
def test_a_single_id_may_stand_by_itself(asking, ask):
    assert ask(asking, "p3") == ask(asking, ["p3"])
    for wrong in (None, 7):
        with pytest.raises(QueryError, match=f"cannot be {wrong}; expected a list of ids"):
            ask(asking, wrong)
    with pytest.raises(UnknownIdError, match=r"ids are strings, not int \(7\)"):
        ask(asking, [7])


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: r.products_for_user("U1"),
        lambda r: r.users_like(["U1"]),
        lambda r: r.recommend("Product", "p0", "User", filters=Filters(ids=["U1"])),
        lambda r: r.explain_exclusion("User", "U1"),
        lambda r: r.explain("User", "U1", "Product", "p0"),
        lambda r: r.fields("User", "U1"),
    ],
)
def test_errors_name_no_users_but_the_one_who_is_meant(asking, ask):
    with pytest.raises(QueryError, match=r"no User has the id.* 'U1'; did you mean 'u1'") as caught:
        ask(asking)
    assert not {"u0", "u2"} & set(str(caught.value).replace("'", " ").split())


def test_the_command_line_says_what_it_did_without(market):
    words = ["--event", "PURCHASED:p0", "--event", f"VIEWED:{NEW}", "--on-unknown", "popular"]
    command = ["recommend", str(market.folder), *words]
    found = CliRunner().invoke(build_app(), [*command, "--json"])
    assert found.exit_code == 0
    assert f"it is not in the bundle: Product '{NEW}' (events)" in found.stderr
    answer = json.loads(found.stdout)
    assert answer["outcome"] == "answered" and answer["recommendations"]
    assert answer["trace"]["skipped"] == [{"asked_by": "events", "type": "Product", "id": NEW}]
