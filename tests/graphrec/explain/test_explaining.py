"""What connects two nodes in worlds where that is known."""

import numpy as np
import pytest

from graphdb.errors import QueryError, SchemaError, UnknownIdError
from graphrec import Recommender
from graphrec.explain import explain, search, steps

ANN, CUP = ("User", "ann"), ("Product", "p9")


def relations(explanation):
    return [[edge.relation for edge in path.edges] for path in explanation.paths]


def test_the_reasons_a_person_would_give(shop, ways):
    explanation = explain(shop, ANN, CUP)
    follows, brand, shelf = explanation.groups
    assert follows.types == ("User", "Creator", "Product")
    assert brand.types == ("User", "Product", "Brand", "Product")
    assert shelf.types == ("User", "Product", "Shop", "Product")
    assert ways(explanation)[:3] == ["ann zoe p9", "ann p2 acme p9", "ann p1 acme p9"]
    assert relations(explanation)[:2] == [
        ["FOLLOWS", "PROMOTES"],
        ["PURCHASED", "MADE_BY", "MADE_BY"],
    ]
    assert (brand.num_paths, brand.at_least, brand.widths) == (2, False, (1, 2, 1, 1))


def test_edges_keep_their_direction(shop):
    path = explain(shop, ANN, CUP).groups[1].paths[0]
    assert [(edge.source.id, edge.target.id) for edge in path.edges] == [
        ("ann", "p2"),
        ("p2", "acme"),
        ("p9", "acme"),
    ]


def test_strengths_by_hand(make_bundle):
    """ann bought 2, follows 1. p1 has 2 buyers, acme 3 products. A hop more takes to a quarter."""
    bundle = make_bundle(
        {
            "User-PURCHASED-Product": "ann-p1 ann-p2 bob-p1",
            "User-VIEWED-Product": "ann-p1",
            "User-FOLLOWS-Brand": "ann-acme",
            "Product-MADE_BY-Brand": "p1-acme p8-acme p9-acme",
        }
    )
    follows, brand = explain(bundle, ANN, CUP).groups
    assert follows.strength == pytest.approx(2 / 5 * (1 / 3) ** 0.5 / 4)
    bought, viewed, made_by = (1 / 4) ** 0.5, 1 / 5, (1 / 3) ** 0.5
    assert brand.strength == pytest.approx((bought + viewed) * made_by * made_by / 16)
    assert brand.paths[0].strength == brand.strength


def test_a_category_of_everything_says_less_than_a_small_brand(make_bundle):
    crowd = [f"q{number}" for number in range(100)]
    bundle = make_bundle(
        {
            "User-PURCHASED-Product": "ann-p1",
            "Product-MADE_BY-Brand": "p1-acme p9-acme",
            "Product-IN_CATEGORY-Category": " ".join(f"{p}-all" for p in [*crowd, "p1", "p9"]),
        }
    )
    brand, category = explain(bundle, ANN, CUP).groups
    assert (brand.types[2], category.types[2]) == ("Brand", "Category")
    assert brand.strength == pytest.approx(category.strength * 102 / 2)


def test_of_many_events_the_weightiest_is_told(make_bundle):
    events = {"VIEWED": "ann-p9", "PURCHASED": "ann-p9 bob-p9 cat-p9", "CARTED": "ann-p9"}
    bundle = make_bundle({f"User-{deed}-Product": text for deed, text in events.items()})
    assert relations(explain(bundle, ANN, CUP, max_hops=1)) == [["PURCHASED"]]


def test_what_was_sent_back_is_no_reason(make_bundle, ways):
    edges = {
        "User-PURCHASED-Product": "ann-p1 ann-p2",
        "User-RETURNED-Product": "ann-p1 bob-p2",
        "Product-MADE_BY-Brand": "p1-acme p2-acme p9-acme",
    }
    bundle = make_bundle(edges)
    assert ways(explain(bundle, ANN, CUP)) == ["ann p2 acme p9"]
    assert ways(explain(bundle, CUP, ANN)) == ["p9 acme p2 ann"]


def test_a_rating_alone_is_no_reason(make_bundle):
    bundle = make_bundle({"User-RATED-Product": "ann-p9", "User-VIEWED-Product": "bob-p9"})
    assert not explain(bundle, ANN, CUP)


def test_backwards_it_is_the_same_the_other_way_round(shop, ways):
    forth, back = explain(shop, ANN, CUP, k=9), explain(shop, CUP, ANN, k=9)
    turned = [" ".join(reversed(way.split())) for way in ways(back)]
    assert sorted(turned) == sorted(ways(forth))
    strengths = [group.strength for group in forth.groups]
    assert [group.strength for group in back.groups] == pytest.approx(strengths)


def test_the_shop_of_a_brand_is_no_further_reason(shop, ways):
    explanation = explain(shop, ("User", "ann"), ("Brand", "acme"), k=9)
    assert ways(explanation)[:2] == ["ann p2 acme", "ann p1 acme"]
    assert not [way for way in ways(explanation) if way.endswith("mall acme")]


def test_what_is_like_what_is_like_it_is_no_further_reason(make_bundle, ways):
    bundle = make_bundle(
        {
            "User-VIEWED-Product": "ann-p9",
            "User-PURCHASED-Product": "ann-p1",
            "Product-ALSO_BOUGHT-Product": "p1-p2 p1-p9 p2-p9",
        }
    )
    assert sorted(ways(explain(bundle, ANN, CUP, k=9))) == ["ann p1 p9", "ann p9"]
    assert ways(explain(bundle, ("Product", "p1"), CUP, k=9)) == ["p1 p9", "p1 p2 p9", "p1 ann p9"]


def test_only_so_many_hops(shop, ways):
    assert ways(explain(shop, ANN, CUP, max_hops=2, k=9)) == ["ann zoe p9"]
    assert not explain(shop, ANN, CUP, max_hops=1)
    bought = explain(shop, ("User", "ann"), ("User", "bob"), k=99)
    assert max(len(way.split()) for way in ways(bought)) == 5


def test_examples_differ_before_they_repeat(make_bundle, ways):
    """Five shoppers edge p1 to the cup, one edges p2: both products are shown, once each first."""
    crowd = " ".join(f"{shopper}-p1 {shopper}-p9" for shopper in "vwxyz")
    bundle = make_bundle({"User-PURCHASED-Product": f"ann-p1 ann-p2 u-p2 u-p9 {crowd}"})
    (group,) = explain(bundle, ANN, CUP, max_hops=3).groups
    assert group.num_paths == 6
    assert group.widths == (1, 2, 6, 1)
    shown = [way.split()[1] for way in ways(explain(bundle, ANN, CUP, max_hops=3))]
    assert sorted(shown[:2]) == ["p1", "p2"]


def test_nodes_that_are_not_allowed_are_on_no_path(shop, ways):
    def without(*blocked):
        def allowed(node_type):
            if node_type == "Shop":
                return None
            return np.array([i not in blocked for i in shop.ids(node_type).to_pylist()])

        return allowed

    everything = ways(explain(shop, ANN, CUP, k=99))
    assert any("p1" in way.split() for way in everything)
    some = ways(explain(shop, ANN, CUP, k=99, allowed=without("p1", "zoe")))
    assert some and not {"p1", "zoe"} & {node for way in some for node in way.split()}
    for end in ("ann", "p9"):
        assert not explain(shop, ANN, CUP, k=99, allowed=without(end))


def test_a_recommender_explains(shop):
    found = Recommender(shop).explain("User", "ann", "Product", "p9", k=2, max_hops=3)
    assert found == explain(shop, ANN, CUP, k=2, max_hops=3)
    assert len(found.groups) == 2


def test_two_nodes_that_nothing_edges(make_bundle):
    bundle = make_bundle({"User-PURCHASED-Product": "ann-p1 bob-p9"})
    explanation = explain(bundle, ANN, CUP)
    assert not explanation
    assert explanation.paths == ()
    assert (
        explanation.to_text() == "Why Product:p9 'Red cup' for User:ann\n"
        "nothing of its brand or category bought yet\n"
        "No path of 4 edges or fewer connects them.\n"
    )


CROWD = {"User-PURCHASED-Product": "ann-p1 u-p1 u-p9 v-p1 v-p9 v-x w-p1 w-p9 w-x w-y"}
"""u, v and w bought both p1 and the cup; u bought least else, so u's path is the strongest."""


def test_beyond_the_most_paths_the_strongest_stay(make_bundle, monkeypatch, ways):
    bundle = make_bundle(CROWD)
    whole = explain(bundle, ANN, CUP, max_hops=3)
    assert (whole.groups[0].num_paths, whole.groups[0].at_least, whole.whole) == (3, False, True)
    monkeypatch.setattr(search, "MOST_PATHS", 1)
    cut = explain(bundle, ANN, CUP, max_hops=3)
    assert ways(cut) == ways(whole)[:1] == ["ann p1 u p9"]
    assert cut.paths == whole.paths[:1]
    assert (cut.groups[0].num_paths, cut.groups[0].at_least, cut.whole) == (1, True, False)
    assert "and more, not counted" in cut.to_text()


@pytest.mark.parametrize(("module", "limit"), [(steps, "MOST_EDGES"), (search, "MOST_MEETINGS")])
def test_nodes_of_too_many_edges_are_passed_by_and_it_says_so(
    make_bundle, monkeypatch, ways, module, limit
):
    bundle = make_bundle(
        {**CROWD, "User-FOLLOWS-Creator": "ann-zoe", "Creator-PROMOTES-Product": "zoe-p9"}
    )
    assert "ann p1 u p9" in ways(explain(bundle, ANN, CUP))
    monkeypatch.setattr(module, limit, 2)  # p1 has four buyers, the cup three
    cut = explain(bundle, ANN, CUP)
    assert ways(cut) == ["ann zoe p9"]
    assert not cut.whole
    nothing = explain(make_bundle(CROWD), ANN, CUP)
    assert not nothing
    assert "connects them, but for some over nodes of very many edges." in nothing.to_text()


@pytest.mark.parametrize(
    ("seed", "target", "options", "error", "message"),
    [
        (("User", "eve"), CUP, {}, UnknownIdError, "no User has the id 'eve'"),
        (ANN, ("Prodct", "p9"), {}, SchemaError, "did you mean 'Product'"),
        (
            ANN,
            ANN,
            {},
            QueryError,
            "User 'ann' is both query node and target; expected two different",
        ),
        (ANN, CUP, {"k": 0}, QueryError, "k is 0; expected a whole number, 1 or more"),
        (ANN, CUP, {"max_hops": 5}, QueryError, "max_hops is 5; .* 1 or more and at most 4"),
    ],
)
def test_a_question_without_answer_is_refused(shop, seed, target, options, error, message):
    with pytest.raises(error, match=message):
        explain(shop, seed, target, **options)
