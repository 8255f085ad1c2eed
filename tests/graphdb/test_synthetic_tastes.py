"""What is planted can be seen, as clearly as asked for; what is not planted cannot."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from graphdb import SCHEMA
from graphdb.schema_types import OCCURRED_AT, SOURCE_ID, TARGET_ID
from graphdb.sources.synthetic import WorldConfig, generate_world

NUM_EDGES = 200_000
TRAITS = ("level", "style", "function", "trend", "brands", "categories")


@pytest.fixture(scope="module")
def world():
    return generate_world(WorldConfig(num_edges=NUM_EDGES, seed=3))


@pytest.fixture(scope="module")
def truth(world):
    return world.truth


def ends(world, relation, target=None):
    """Source rows and target rows."""
    edge_type = SCHEMA.edge_type(relation, target=target)
    table = world.edges[edge_type]
    rows = []
    for name, node_type in ((SOURCE_ID, edge_type.source), (TARGET_ID, edge_type.target)):
        known = world.nodes[node_type].column(0).combine_chunks()
        rows.append(pc.index_in(table[name], value_set=known).to_numpy())
    return rows


def times(world, relation):
    return world.edges[SCHEMA.edge_type(relation)][OCCURRED_AT].cast(pa.int64()).to_numpy()


def agreement(tastes, people, products, rows, trait):
    """Share of (person, product) pairs that agree in a trait."""
    liked = getattr(tastes, trait)[people]
    has = getattr(products, {"brands": "brand", "categories": "category"}.get(trait, trait))[rows]
    return (liked == has[:, None]).any(axis=1).mean() if liked.ndim == 2 else (liked == has).mean()


def agreement_and_chance(world, relation, trait):
    """The same beside what it is when every user has another user's taste."""
    users, products = ends(world, relation)
    truth = world.truth
    tastes = truth.users.tastes
    shuffled = np.random.default_rng(0).permutation(len(tastes.level))
    chance = agreement(tastes, shuffled[users], truth.products, products, trait)
    return agreement(tastes, users, truth.products, products, trait), chance


@pytest.mark.parametrize("trait", TRAITS)
@pytest.mark.parametrize("relation", ["VIEWED", "PURCHASED"])
def test_tastes_show_in_what_users_do(world, relation, trait):
    share, chance = agreement_and_chance(world, relation, trait)
    assert share > 1.5 * chance
    assert share > chance + 0.12


@pytest.mark.parametrize("trait", TRAITS)
def test_purchases_show_taste_more_than_views(world, trait):
    assert (
        agreement_and_chance(world, "PURCHASED", trait)[0]
        > agreement_and_chance(world, "VIEWED", trait)[0]
    )


def test_without_taste_everything_is_at_chance_and_with_more_it_is_clearer():
    shares = {
        strength: generate_world(
            WorldConfig(num_edges=NUM_EDGES, seed=3, taste_strength=strength, light_share=0)
        )
        for strength in (0, 0.4, 1)
    }
    for trait in TRAITS:
        none, chance = agreement_and_chance(shares[0], "PURCHASED", trait)
        assert none == pytest.approx(chance, abs=0.025), trait
        some, full = (agreement_and_chance(shares[at], "PURCHASED", trait)[0] for at in (0.4, 1))
        assert none + 0.05 < some < full - 0.05, trait


def test_popularity_is_skewed_and_follows_the_plan(world, truth):
    views = np.bincount(ends(world, "VIEWED")[1], minlength=len(truth.products.price))
    most = np.sort(views)[::-1]
    assert most[: len(most) // 10].sum() > 0.35 * most.sum()
    planted = np.argsort(-truth.products.popularity)[:20]
    assert np.median(views[planted]) > 4 * np.median(views)


def test_creators_show_and_promote_their_niche(world, truth):
    content, product = ends(world, "FEATURES")
    creator = truth.contents.creator[content]
    niche = truth.creators.niche
    at_home = (niche[creator] == truth.products.category[product]).mean()
    shuffled = np.random.default_rng(0).permutation(niche)
    assert at_home > (shuffled[creator] == truth.products.category[product]).mean() + 0.5
    for trait in ("level", "style"):
        tastes = getattr(truth.creators.tastes, trait)
        mixed = np.random.default_rng(0).permutation(tastes)
        has = getattr(truth.products, trait)[product]
        assert (tastes[creator] == has).mean() > (mixed[creator] == has).mean() + 0.1
    shown = set(zip(creator, product, strict=True))
    assert set(zip(*ends(world, "PROMOTES"), strict=True)) < shown
    assert np.array_equal(ends(world, "PUBLISHED")[0], truth.contents.creator)


@pytest.mark.parametrize("relation", ["FOLLOWS", "WATCHED"])
def test_users_find_creators_of_their_taste(world, truth, relation):
    users, found = ends(world, relation, "Creator" if relation == "FOLLOWS" else None)
    creators = found if relation == "FOLLOWS" else truth.contents.creator[found]
    mixed = np.random.default_rng(0).permutation(len(truth.users.light))[users]
    tastes = truth.users.tastes
    for people, beats in ((users, np.greater), (mixed, np.less)):
        at_home = (tastes.categories[people] == truth.creators.niche[creators][:, None]).any(axis=1)
        assert beats(at_home.mean(), 0.3)
    same_style = tastes.style[users] == truth.creators.tastes.style[creators]
    by_chance = tastes.style[mixed] == truth.creators.tastes.style[creators]
    assert same_style.mean() > 1.3 * by_chance.mean()


def test_users_follow_their_favourite_brands(world, truth):
    users, brands = ends(world, "FOLLOWS", "Brand")
    audience = truth.brand_audience(brands[0])
    assert (truth.users.tastes.brands[audience] == brands[0]).any(axis=1).all()
    favourites = truth.users.tastes.brands
    mixed = np.random.default_rng(0).permutation(len(favourites))
    share = (favourites[users] == brands[:, None]).any(axis=1).mean()
    assert share > 2 * (favourites[mixed[users]] == brands[:, None]).any(axis=1).mean()


def test_poor_products_come_back_more_and_are_rated_lower(world, truth):
    num = len(truth.products.price)
    sold = np.bincount(ends(world, "PURCHASED")[1], minlength=num)
    returned = np.bincount(ends(world, "RETURNED")[1], minlength=num)
    rated = ends(world, "RATED")[1]
    stars = world.edges[SCHEMA.edge_type("RATED")]["stars"].to_numpy()
    quality = truth.products.quality
    low, high = quality < np.quantile(quality, 0.25), quality > np.quantile(quality, 0.75)
    assert returned[low].sum() / sold[low].sum() > 3 * returned[high].sum() / sold[high].sum()
    assert stars[low[rated]].mean() < stars[high[rated]].mean() - 1
    assert set(np.unique(stars)) == {1, 2, 3, 4, 5}


def test_sales_and_quality_differ(world, truth):
    num = len(truth.products.price)
    sold = np.bincount(ends(world, "PURCHASED")[1], minlength=num)
    returned = np.bincount(ends(world, "RETURNED")[1], minlength=num)
    best = np.argsort(-sold)[: num // 50]
    share = returned[best] / sold[best]
    assert (share > 0.3).sum() >= 2
    assert (share < 0.1).sum() >= 2
    assert (share[truth.products.overhyped[best]] > 0.3).sum() >= 2
    plain = ~truth.products.overhyped
    assert abs(np.corrcoef(truth.products.quality[plain], np.log1p(sold[plain]))[0, 1]) < 0.1


def test_new_items_have_done_little(world, truth):
    products, creators = truth.products, truth.creators
    assert products.is_new.sum() >= 0.05 * len(products.is_new)
    views = np.bincount(ends(world, "VIEWED")[1], minlength=len(products.is_new))
    assert np.median(views[products.is_new]) < 0.1 * np.median(views[~products.is_new])
    followers = world.nodes["Creator"]["followers"].to_numpy()
    assert creators.is_new.any()
    assert np.median(followers[creators.is_new]) < 0.2 * np.median(followers[~creators.is_new])
    assert truth.brands.is_new.any()
    of_new_brands = truth.brands.is_new[products.brand]
    assert of_new_brands.any() and products.is_new[of_new_brands].all()
    for of in (products, creators, truth.brands):
        assert np.array_equal(of.is_new, of.created >= truth.calendar.new_from)


def test_festivals_multiply_purchases(world):
    without = generate_world(WorldConfig(num_edges=NUM_EDGES, seed=3, festivals=()))
    day_us = 86_400_000_000
    days = world.truth.calendar.festival_days
    assert days.tolist() == [166, 167, 168, 169, 170, 312, 313, 314, 315, 316]  # 18 June, 11 Nov
    peaks = []
    for of in (world, without):
        per_day = np.bincount((times(of, "PURCHASED") - of.truth.calendar.start) // day_us)
        peaks.append(per_day[days].mean() / np.median(per_day))
    assert peaks[0] > 3
    assert peaks[1] < 1.5


def test_the_funnel_narrows(world):
    relations = ("VIEWED", "CARTED", "PURCHASED", "RETURNED")
    numbers = [world.edges[SCHEMA.edge_type(relation)].num_rows for relation in relations]
    assert numbers[0] > 3 * numbers[1] > 3 * numbers[2] > 15 * numbers[3] > 0


def test_money_adds_up(world):
    bought = world.edges[SCHEMA.edge_type("PURCHASED")]
    value, discount, count = (bought[name].to_numpy() for name in ("value", "discount", "count"))
    price = world.nodes["Product"]["price"].to_numpy()[ends(world, "PURCHASED")[1]]
    assert np.allclose(value + discount, price * count, atol=0.011)
    assert 0.05 < (discount > 0).mean() < 0.95
    of_user = world.edges[SCHEMA.edge_type("PURCHASED")].group_by("event_id")
    one_order = of_user.aggregate([(SOURCE_ID, "count_distinct"), (OCCURRED_AT, "count_distinct")])
    assert pc.max(one_order[f"{SOURCE_ID}_count_distinct"]).as_py() == 1
    assert pc.max(one_order[f"{OCCURRED_AT}_count_distinct"]).as_py() == 1


def test_cups_stand_in_their_category_and_cover_every_taste(world, truth):
    cups, sizes = truth.products.cups, world.config.sizes
    names = world.nodes["Category"]["name"].to_pylist()
    parent = truth.categories.parent
    assert [names[0], names[parent[0]], names[parent[parent[0]]]] == [
        "Water cups",
        "Kitchen",
        "Home",
    ]
    products, categories = ends(world, "IN_CATEGORY")
    assert np.array_equal(products[categories == 0], cups)
    assert all("water cup" in world.nodes["Product"]["title"][int(row)].as_py() for row in cups)
    for trait, num in (
        ("level", 5),
        ("style", sizes.styles),
        ("function", sizes.functions),
        ("trend", sizes.trends),
    ):
        counts = np.bincount(getattr(truth.products, trait)[cups], minlength=num)
        assert len(counts) == num and counts.max() - counts.min() <= 1, trait
    prices = world.nodes["Product"]["price"].to_numpy()[cups]
    by_level = [prices[truth.products.level[cups] == level] for level in range(5)]
    assert all(cheap.max() < dear.min() for cheap, dear in pairwise(by_level))
    assert truth.products.is_new[cups].sum() >= 2
    assert (~truth.products.is_new[cups]).sum() >= 20


def test_cup_brands_sell_other_things_too(truth):
    cups = truth.products.cups
    brands = np.unique(truth.products.brand[cups])
    assert len(brands) >= 5
    others = np.setdiff1d(np.arange(len(truth.products.brand)), cups)
    assert np.isin(brands, truth.products.brand[others]).mean() > 0.8


def test_there_are_shoppers_of_every_taste_who_never_met_a_cup(world, truth):
    users, products = ends(world, "VIEWED")
    met = np.bincount(
        users[np.isin(products, truth.products.cups)], minlength=len(truth.users.light)
    )
    bought = np.bincount(ends(world, "PURCHASED")[0], minlength=len(met))
    shoppers = np.flatnonzero((met == 0) & (bought >= 3))
    for trait in ("level", "style", "function", "trend"):
        tastes = getattr(truth.users.tastes, trait)
        assert set(tastes[shoppers]) == set(tastes), trait


def test_light_users_did_three_things_to_their_taste(world, truth):
    light = np.flatnonzero(truth.users.light)
    assert len(light) >= 20
    done = Counter()
    for edge_type, table in world.edges.items():
        if edge_type.source == "User":
            rows = ends(world, edge_type.relation, edge_type.target)[0]
            done[edge_type.relation] += np.bincount(rows, minlength=len(truth.users.light))
            assert len(rows) == table.num_rows
    did = {relation: set(counts[light]) for relation, counts in done.items()}
    assert did.pop("VIEWED") == {2} and did.pop("PURCHASED") == {1}
    assert set().union(*did.values()) == {0}
    users, products = ends(world, "VIEWED")
    of_light = truth.users.light[users]
    tastes = truth.users.tastes
    clear, usual = (
        sum(agreement(tastes, users[of], truth.products, products[of], trait) for trait in TRAITS)
        for of in (of_light, ~of_light)
    )
    assert clear > usual + 0.5, "of six things that can agree"


@pytest.mark.parametrize("relation", ["ALSO_BOUGHT", "ALSO_VIEWED", "BOUGHT_TOGETHER"])
def test_related_products_are_alike(world, truth, relation):
    one, other = ends(world, relation)
    assert (one != other).all()
    mixed = np.random.default_rng(0).permutation(other)
    for trait in ("category", "level", "style", "brand"):
        of = getattr(truth.products, trait)
        assert (of[one] == of[other]).mean() > 1.3 * (of[one] == of[mixed]).mean(), trait


def test_people_can_read_it(world, truth):
    row = int(truth.products.cups[0])
    title = world.nodes["Product"]["title"][row].as_py()
    tags = {
        kind: world.nodes["Tag"]["name"][
            int(truth.tag_rows(kind)[getattr(truth.products, kind)[row]])
        ]
        for kind in ("style", "function", "trend")
    }
    make = truth.categories.leaves[0].makes[truth.products.level[row]]
    style, function, trend = (str(tags[kind]) for kind in ("style", "function", "trend"))
    assert title == f"{style.capitalize()} {make} water cup {function}, {trend} edition"
    tagged = ends(world, "TAGGED")
    assert set(tagged[1][tagged[0] == row]) == {
        truth.tag_rows(kind)[getattr(truth.products, kind)[row]]
        for kind in ("style", "function", "trend")
    }
    brand_names = world.nodes["Brand"]["name"].to_pylist()
    assert len(set(brand_names)) == len(brand_names)
    assert world.nodes["Shop"]["name"][0].as_py() == f"{brand_names[0]} flagship shop"
