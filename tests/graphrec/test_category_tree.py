"""Categories as targets: what was bought in one was bought in everything that it is a part of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from graphdb import SCHEMA
from graphdb.errors import QueryError
from graphrec import Adjacency, Filters, Recommender
from graphrec.cli import build_app
from graphrec.query.metapaths import CategoryTree

CHILD_OF = SCHEMA.edge_type("CHILD_OF")
IN_CATEGORY = SCHEMA.edge_type("IN_CATEGORY")
CATEGORIES = ["bread", "dairy", "food", "other-d", "other-f", "yogurt"]


def edge(pairs, sources, targets, num_targets=6):
    rows = [(sources.index(one), targets.index(other)) for one, other in pairs]
    ends = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    return Adjacency.from_edges(*ends, 6, num_targets)


def tree_of(*pairs):
    return edge([pair.split(">")[::-1] for pair in pairs], CATEGORIES, CATEGORIES)


@pytest.fixture
def with_tree(make_recommender, content):
    """The small world of conftest with vectors for categories, and another tree."""

    def make(*pairs):
        vectors = {**content["vectors"], "Category": np.ones((6, 2), dtype=np.float32)}
        edges = dict(content["edges"])
        if pairs == (None,):
            del edges[CHILD_OF]
        elif pairs:
            edges[CHILD_OF] = tree_of(*pairs)
        return make_recommender(vectors=vectors, edges=edges)

    return make


def names(answer):
    return " ".join(sorted(answer.ids))


def reasons(answer):
    return {item.id: item.reasons[0] for item in answer}


USUAL = ()  # the tree of the small world: food > (dairy > (yogurt, other-d), bread, other-f)
FLAT = (None,)
RING = ("yogurt>dairy", "dairy>yogurt", "food>bread")
OWN_PARENT = ("food>food", "yogurt>yogurt", "food>yogurt", "yogurt>dairy")
# ann bought in yogurt (p1) and in dairy itself (p5).


@pytest.mark.parametrize(
    ("tree", "leaves", "new_leaves", "new_of_all"),
    [
        (USUAL, "bread other-d other-f yogurt", "bread other-d other-f", "bread other-d other-f"),
        (
            FLAT,
            "bread dairy food other-d other-f yogurt",
            "bread food other-d other-f",
            "bread food other-d other-f",
        ),
        (
            RING,
            "bread dairy other-d other-f yogurt",
            "bread other-d other-f",
            "bread food other-d other-f",
        ),
        (
            OWN_PARENT,
            "bread dairy other-d other-f",
            "bread other-d other-f",
            "bread other-d other-f",
        ),
    ],
)
def test_leaves_come_out_and_what_was_bought_below_counts(
    with_tree, tree, leaves, new_leaves, new_of_all
):
    recommender = with_tree(*tree)
    ask = {"query_type": "User", "query_id": "ann", "target_type": "Category"}
    assert names(recommender.recommend(**ask, exclude_seen=False)) == leaves
    assert names(recommender.recommend(**ask)) == new_leaves
    assert names(recommender.recommend(**ask, levels="all")) == new_of_all


def test_a_reason_is_true_of_the_whole_tree(with_tree):
    recommender = with_tree()
    for user, bought in (("ann", {"food": 2, "dairy": 2, "yogurt": 1}), ("dan", {})):
        answer = recommender.recommend(
            "User", user, "Category", levels="all", exclude_seen=False, on_unknown="popular"
        )
        told = {item.id: item.reasons[-1] for item in answer}
        assert told == {
            name: f"bought {bought[name]} product{'s' if bought[name] > 1 else ''} in it"
            if name in bought
            else "never bought in it"
            for name in CATEGORIES
        }


def test_a_product_in_a_category_above_is_not_new_to_who_bought_below(with_tree):
    recommender = with_tree()
    answer = recommender.products_for_user("cat", exclude_seen=False)
    # cat's p2 stands in Yogurt and p5 in Dairy.
    assert next(item for item in answer if item.id == "p5").reasons[-1] == (
        "bought 2 products in Dairy"
    )


def test_for_a_creator_what_is_carried_below_counts(market):
    asked = Recommender(market)
    # c0 carries p0, which stands in wine, a part of drinks, a part of food.
    assert asked.seen("Creator", "c0", "Category") == ("drinks", "food", "wine")
    assert names(asked.categories_for_creator("c0")) == "toys"
    assert names(asked.categories_for_creator("c1")) == "wine"
    assert names(asked.categories_for_creator("c1", levels="all")) == "drinks food wine"


def test_for_recent_events_too(with_tree):
    recommender = with_tree()
    events = [("PURCHASED", "p2")]  # in yogurt
    answer = recommender.recommend_for_events(events, "Category", levels="all")
    assert names(answer) == "bread other-d other-f"
    assert names(recommender.recommend_for_events(events, "Category")) == "bread other-d other-f"


def test_similar_categories_are_leaves_too(with_tree):
    recommender = with_tree()
    assert names(recommender.similar("Category", "bread")) == "other-d other-f yogurt"
    both = recommender.similar("Category", "bread", levels="all")
    assert names(both) == "dairy food other-d other-f yogurt"


def test_a_category_is_as_popular_as_all_below_it(with_tree):
    answer = with_tree().recommend(
        "User", "nobody", "Category", levels="all", on_unknown="popular", exclude_seen=False
    )
    # yogurt: ann's p1, cat's p2; bread: bob's p3, cat's p4; dairy itself: p5 of ann and cat.
    assert {item.id: item.score for item in answer} == {
        "food": 6, "dairy": 4, "bread": 2, "yogurt": 2, "other-d": 0, "other-f": 0,
    }  # fmt: skip


def test_filters_of_categories_hold_below_in_a_flat_list_too(with_tree):
    dairy = Filters(categories="Dairy")
    assert names(with_tree(*FLAT).products_for_user("bob", filters=dairy)) == "p5"


def test_levels_is_one_of_two(recommender):
    with pytest.raises(QueryError, match="levels is 'leaves'; expected one of leaf, all"):
        recommender.products_for_user("ann", levels="leaves")


def test_on_the_command_line(with_tree):
    folder = str(with_tree().bundle.folder)
    ask = ["recommend", folder, "User:bob", "-t", "categories", "--json"]
    leaves = CliRunner().invoke(build_app(), ask)
    assert leaves.exit_code == 0, leaves.output
    assert '"dairy"' not in leaves.stdout and '"yogurt"' in leaves.stdout
    assert '"dairy"' in CliRunner().invoke(build_app(), [*ask, "--levels", "all"]).stdout
    wrong = CliRunner().invoke(build_app(), [*ask, "--levels", "leaves"])
    assert wrong.exit_code == 2


parents = st.integers(1, 8).flatmap(
    lambda size: st.tuples(
        st.just(size),
        st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=12),
    )
)


@given(parents)
def test_equals_walking_edge_by_edge(world):
    size, pairs = world
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    tree = CategoryTree(Adjacency.from_edges(*ends, size, size))
    above = {row: {row} for row in range(size)}
    for _ in range(size):
        for child, parent in pairs:
            for known in above.values():
                if child in known:
                    known.add(parent)
    childless = set(range(size)) - {parent for _, parent in pairs}
    for row in range(size):
        below = {other for other in range(size) if row in above[other]}
        assert tree.above(np.array([row])).tolist() == sorted(above[row])
        assert tree.below(np.array([row])).tolist() == sorted(below)
        ends = below & childless - {row}
        assert tree.leaves[row] == (not ends)
    assert tree.leaves.any()
