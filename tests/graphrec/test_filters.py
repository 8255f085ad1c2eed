import numpy as np
import pytest

from graphdb.errors import InvalidFilterError
from graphrec import Filters


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "p1 p2 p5 p4 p3 p6"),
        ({"categories": ["yogurt"]}, "p1 p2"),
        ({"categories": "Yogurt"}, "p1 p2"),  # by name
        ({"categories": ["dairy"]}, "p1 p2 p5 p6"),  # with yogurt and other-d below it
        ({"categories": ["food"]}, "p1 p2 p5 p4 p3 p6"),
        ({"categories": ["yogurt", "Bread"]}, "p1 p2 p4 p3"),
        ({"categories": ["other-f"]}, ""),
        ({"brands": ["bolt"]}, "p4 p3 p6"),
        ({"brands": ["Acme", "bolt"]}, "p1 p2 p5 p4 p3 p6"),
        ({"price_min": 2, "price_max": 4}, "p2 p4 p3"),
        ({"price_max": 1000}, "p1 p2 p5 p4 p3"),  # p6 has no price
        ({"price_min": 0}, "p1 p2 p5 p4 p3"),
        ({"price_min": 5.5}, ""),
        ({"categories": ["dairy"], "brands": ["acme"], "price_min": 2}, "p2 p5"),
    ],
)
def test_only_what_passes_comes_out(recommender, filters, expected):
    answer = recommender.products_for_user("ann", exclude_seen=False, filters=Filters(**filters))
    assert " ".join(answer.ids) == expected


def test_filters_and_seen_together(recommender):
    answer = recommender.products_for_user("ann", filters=Filters(categories=("dairy",)))
    assert answer.ids == ("p2", "p6")


def test_brands_filter_brand_targets(recommender):
    filters = Filters(brands="bolt")
    assert recommender.brands_for_user("ann", exclude_seen=False, filters=filters).ids == ("bolt",)


def test_a_circle_in_the_category_tree_ends(make_recommender, content):
    chain = next(edge_type for edge_type in content["edges"] if edge_type.relation == "CHILD_OF")
    recommender = make_recommender(
        edges={**content["edges"], chain: circle(content["edges"][chain])}
    )
    answer = recommender.products_for_user("bob", filters=Filters(categories=("yogurt",)))
    assert answer.ids == ("p4", "p5", "p2", "p1", "p6")


def circle(tree):
    """The tree with its root (row 2, food) hung below yogurt (row 5): all is below all."""
    sources = [source for source in range(6) for _ in tree.targets(source)]
    return type(tree).from_edges(
        *(as_rows([*sources, 2]), as_rows([*tree.indices.tolist(), 5])), 6, 6
    )


def as_rows(values):
    return np.array(values, dtype=np.int64)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"categoris": ["x"]}, "there is no filter 'categoris'.*did you mean 'categories'"),
        ({"colour": "red"}, "no filter 'colour'; expected one of ids, categories, brands, shops"),
        ({"price_min": -1}, "filter 'price_min' cannot be -1: .*greater than or equal to 0"),
        ({"price_max": float("nan")}, "filter 'price_max' cannot be nan: .*finite"),
        ({"price_max": float("inf")}, "filter 'price_max' cannot be inf: .*finite"),
        ({"price_max": "5"}, "filter 'price_max' cannot be '5': .*valid number"),
        ({"price_max": True}, "filter 'price_max' cannot be True"),
        ({"categories": 17}, "filter 'categories' cannot be 17"),
        ({"brands": [17]}, r"filter 'brands.0' cannot be 17: .*valid string"),
        ({"price_min": 5, "price_max": 2}, "'price_min' is 5.0, above 'price_max', which is 2.0"),
    ],
)
def test_values_that_cannot_be_filters(filters, message):
    with pytest.raises(InvalidFilterError, match=message):
        Filters(**filters)
    with pytest.raises(InvalidFilterError, match=message):
        Filters.model_validate(filters)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"categories": "Yoghurt"}, "filter 'categories': no Category has.*did you mean 'Yogurt'"),
        ({"categories": "zzz"}, "filter 'categories': no Category has the id or name 'zzz'$"),
        (
            {"categories": "Other"},
            "2 Category nodes are named 'Other'; give one of the ids 'other-d', 'other-f'",
        ),
        ({"brands": ["acme", "bold"]}, "no Brand has the id or name 'bold'; did you mean 'Bolt'"),
        ({"brands": ""}, "no Brand has the id or name ''"),
    ],
)
def test_names_that_do_not_exist(recommender, filters, message):
    with pytest.raises(InvalidFilterError, match=message):
        recommender.products_for_user("ann", filters=Filters(**filters))


@pytest.mark.parametrize(
    ("target", "filters", "message"),
    [
        ("Brand", {"price_max": 5}, "'price_max' does not work on Brand.*expected Product targets"),
        ("Brand", {"agencies": "x"}, "'agencies' does not work on Brand targets; expected Creator"),
        ("User", {"brands": "acme"}, "'brands' does not work on User.*Product or Creator or"),
    ],
)
def test_filters_on_types_they_do_not_fit(recommender, target, filters, message):
    with pytest.raises(InvalidFilterError, match=message):
        recommender.recommend("User", "ann", target, filters=Filters(**filters))


def test_empty_filters_work_on_any_type(recommender):
    assert recommender.recommend("User", "ann", "User", filters=Filters()).ids[0] == "cat"


def test_filters_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Filters().price_min = 3


def test_a_wrong_name_among_very_many_gets_its_neighbors(recommender, monkeypatch):
    monkeypatch.setattr("graphrec.query.names._NEAREST_AMONG", 3)
    with pytest.raises(InvalidFilterError, match="'yogurd'; similar ids: 'yogurt'"):
        recommender.products_for_user("ann", filters=Filters(categories="yogurd"))
