"""Reasons are true: each is found again by walking sets, names nothing hidden, and is in order."""

import re
from collections import defaultdict
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from contracts.market import EDGES, IDS, PROPERTIES, make_market
from hypothesis import given
from hypothesis import strategies as st

from graphdb import SCHEMA
from graphdb.schema_types import MetaPath
from graphrec import Policy, Recommender
from graphrec.query import facts, reasons
from graphrec.query.facts import LANGUAGES, ORDER, TABLE, facts_between
from graphrec.query.metapaths import GROUPS, Paths
from graphrec.query.reasons import Display, Reasons, Sight

ROWS = facts._table("en").facts
PLACEHOLDERS = {
    "n",
    "m",
    "name",
    "bought",
    "when",
    "since",
    "day",
    "target",
    "query",
    "type",
    "value",
}
TYPES = tuple(IDS)


def walk(start, way, edges):
    """The ids at the end of a metapath, from sets of pairs."""
    found = {start}
    for step in way.steps:
        pairs = edges[str(step.edge_type)]
        found = {
            (a if step.backwards else b) for a, b in pairs if (b if step.backwards else a) in found
        }
    return found


@pytest.fixture(scope="module")
def pairs_of_edges():
    found = defaultdict(set)
    for name, text in EDGES.items():
        found[name] = {tuple(pair.split("-")) for pair in text.split()}
    return found


@pytest.fixture
def told(market):
    paths = Paths(market)
    return Reasons(paths, Display(market, paths))


def between(told, query, target, **options):
    """The reasons of one pair of nodes, given as (type, id)."""
    rows = [np.array([IDS[name].index(one)]) for name, one in (query, target)]
    (found,) = told.between(query[0], rows[0], target[0], rows[1], **options)
    return found


class TestTheTable:
    @pytest.mark.parametrize(("subject", "obj"), ROWS)
    def test_every_fact_leads_from_its_subject_and_its_object_to_one_type(self, subject, obj):
        assert ORDER.index(subject) <= ORDER.index(obj)
        for row in ROWS[subject, obj]:
            counted, met = (
                {
                    MetaPath.parse(way.replace("TOOK", "PURCHASED")).target
                    for way in row[end].split(" or ")
                }
                for end in ("from", "to")
            )
            assert len(counted) == len(met) == 1
            assert {one.split("-")[0] for one in row["from"].split(" or ")} == {subject}
            assert {one.split("-")[0] for one in row["to"].split(" or ")} == {obj}
            if row["group"]:
                assert met == {row["group"]} <= GROUPS.keys()
                assert counted <= {"Product", "User"}
            else:
                assert met == counted

    @pytest.mark.parametrize(("subject", "obj"), ROWS)
    def test_every_edge_type_is_one_of_the_base_schema(self, subject, obj):
        for row in ROWS[subject, obj]:
            for way in f"{row['from']} or {row['to']}".split(" or "):
                named = way.replace("TOOK", "PURCHASED").replace("-ALIKE-User", "")
                for edge_type in MetaPath.parse(named).edge_types:
                    SCHEMA.parse_edge_type(str(edge_type))

    def test_every_sentence_is_there_in_every_language_with_known_placeholders(self):
        head, *lines = TABLE.read_text(encoding="utf-8").splitlines()
        assert set(LANGUAGES) <= set(head.split(","))
        assert len(lines) == len(set(lines))
        found = [facts._table(language) for language in LANGUAGES]
        for texts in ("edges", "nothing", "phrases"):
            english, chinese = (getattr(table, texts) for table in found)
            assert english.keys() == chinese.keys()
            assert all(english.values()) and all(chinese.values())
        for table in found:
            for rows in table.facts.values():
                for row in rows:
                    for form in (row["one"], row["several"]):
                        assert form
                        assert set(re.findall(r"{(\w+)}", form)) <= PLACEHOLDERS

    def test_both_forms_name_or_count(self):
        """A sentence for several that neither counts nor names would say less than that for one."""
        for rows in ROWS.values():
            for row in rows:
                assert re.search(r"{(n|name)}", row["several"]), row["several"]


def test_every_fact_is_found_again_by_walking_sets(market, told, pairs_of_edges):
    """In a market without facts about users alike, whose number is too small for these."""
    paths = Paths(market)
    checked = 0
    for subject_type, object_type in product(TYPES, TYPES):
        if ORDER.index(subject_type) > ORDER.index(object_type):
            continue
        kinds = facts_between(paths, subject_type, object_type, "en").kinds
        for kind in kinds:
            only = replace(kind, family="", enough=1)
            for subject, obj in product(IDS[subject_type], IDS[object_type]):
                if (subject_type, subject) == (object_type, obj):
                    continue
                wanted = expected(kind, subject, obj, pairs_of_edges)
                said = only_fact(told, only, (subject_type, subject), (object_type, obj))
                assert said == wanted, (kind, subject, obj)
                checked += wanted is not None
    assert checked > 300


def expected(kind, subject, obj, edges):
    """How many are counted, and the names of nodes where both can meet; None for no fact."""
    if kind.is_of_alike:
        return None
    if kind.is_edge:
        (step,) = kind.subject[0].steps
        ends = (obj, subject) if step.backwards else (subject, obj)
        return (1, None) if ends in edges[str(step.edge_type)] else None
    heads = set().union(*(reached(subject, way, edges) for way in kind.subject))
    tails = set().union(*(reached(obj, way, edges) for way in kind.object))
    if not kind.is_by_group:
        both = sorted(heads & tails)
        return (len(both), both[0]) if both else None
    counts = {}
    for group in sorted(tails):
        members = {one for one in heads if group in groups_of(one, kind, edges)}
        if members and members != {obj}:
            counts[group] = len(members)
    if not counts:
        return None
    most = max(counts.values())
    best = [one for one, number in counts.items() if number == most]
    return most, max(best, key=lambda one: (depth(one, kind, edges), -best.index(one)))


def depth(group, kind, edges):
    if kind.meeting != "Category":
        return 0
    return sum(group in below(other, edges) for other in IDS["Category"])


def reached(obj, way, edges):
    """The same as `walk`; a longer way from a category begins at all below it as well."""
    starts = below(obj, edges) if way.source == "Category" and way.steps else {obj}
    return set().union(*(walk(one, way, edges) for one in starts))


def below(category, edges):
    found = {category}
    for _ in IDS["Category"]:
        found |= {child for child, parent in edges["Category-CHILD_OF-Category"] if parent in found}
    return found


def groups_of(member, kind, edges):
    products = {member}
    if kind.counted == "User":
        products = walk(member, MetaPath.parse("User-PURCHASED-Product"), edges)
    direct = set().union(*(walk(one, GROUPS[kind.meeting], edges) for one in products), set())
    if kind.meeting != "Category":
        return direct
    return {one for one in IDS["Category"] if below(one, edges) & direct}


def only_fact(told, kind, subject, obj):
    """What the counting gives for one kind of fact: the count and the id where both meet."""
    rows = [np.array([IDS[name].index(one)]) for name, one in (subject, obj)]
    pairs = reasons._Pairs(told._paths, (subject[0], obj[0]), *rows, rows[0], Sight())
    hits = pairs.hits(kind, np.array([0]))
    if not len(hits.pairs):
        return None
    met = None if hits.meeting is None else IDS[kind.meeting][int(hits.meeting[0])]
    return int(hits.counts[0]), met


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_batch_says_the_same_as_each_pair_alone(told, language, monkeypatch):
    monkeypatch.setattr("graphrec.query.reasons._AT_ONCE", 4)
    for query_type, target_type in product(TYPES, TYPES):
        ids = list(product(IDS[query_type], IDS[target_type]))
        rows = [
            np.array([IDS[query_type].index(one) for one, _ in ids]),
            np.array([IDS[target_type].index(other) for _, other in ids]),
        ]
        together = told.between(query_type, rows[0], target_type, rows[1], language=language)
        alone = [
            between(told, (query_type, one), (target_type, other), language=language)
            for one, other in ids
        ]
        assert together == alone


def test_a_pair_has_the_same_reasons_in_either_direction(told):
    for one, other in product(TYPES, TYPES):
        if one != other:
            for mine, theirs in product(IDS[one], IDS[other]):
                ends = (one, mine), (other, theirs)
                assert between(told, *ends) == between(told, *ends[::-1])


def test_reasons_of_the_market(told):
    user = ("User", "u0")
    assert between(told, user, ("Product", "p2")) == (
        "viewed",
        "watched a video that shows it",
        "follows Carl, who carries it",
    )
    assert between(told, user, ("Creator", "c1")) == (
        "follows",
        "watched 1 of their videos",
        "viewed 1 product that they carry",
    )
    assert between(told, user, ("Brand", "b1")) == (
        "viewed 1 of its products",
        "follows Carl, who carries its products",
        "bought 1 product in wine, which it offers",
    )
    assert between(told, ("Creator", "c1"), ("Brand", "b0"))[:2] == (
        "carries 1 of its products",
        "1 of 1 followers bought from it",
    )
    assert between(told, ("Creator", "c0"), ("Creator", "c1")) == (
        "same agency a0",
        "carries 1 product in drinks, as the other does",  # c0 carries wine, which is a part of it
    )
    assert between(told, ("User", "u2"), ("Brand", "b1")) == ("never bought from it",)
    assert between(told, user, ("Product", "p2"), language="zh") == (
        "浏览过",
        "看过展示它的视频",
        "关注了带它的Carl",
    )


def test_what_is_returned_is_said_whatever_speaks_for_it(tmp_path):
    name = SCHEMA.parse_edge_type("User-RETURNED-Product")
    pair = np.array([0]), np.array([0])
    market = make_market(tmp_path / "plain")
    edges = {one: market.edges(one) for one in market.edge_types}
    returned = type(edges[SCHEMA.parse_edge_type("User-PURCHASED-Product")]).from_edges(*pair, 3, 7)
    changed = make_market(tmp_path / "returned", edges={**edges, name: returned})
    item = Recommender(changed).products_for_user("u0", exclude_seen=False)
    reasons_of = {one.id: one.reasons for one in item}
    assert reasons_of["p0"][-1] == "returned"
    assert len(reasons_of["p0"]) == 4


def test_without_its_edge_the_reason_goes(tmp_path, market):
    follows = SCHEMA.parse_edge_type("User-FOLLOWS-Creator")
    edges = {one: market.edges(one) for one in market.edge_types if one != follows}
    changed = Recommender(make_market(tmp_path / "market", edges=edges))
    said = [
        text
        for node_type in TYPES
        for item in changed.recommend("User", "u0", node_type, exclude_seen=False)
        for text in item.reasons
    ]
    assert said and not any("follows" in text for text in said)


NAMES = {
    (node_type, one): (
        PROPERTIES.get(node_type, {}).get("name")
        or PROPERTIES.get(node_type, {}).get("title")
        or ids
    )[number]
    or one
    for node_type, ids in IDS.items()
    if node_type != "User"
    for number, one in enumerate(ids)
}


@given(st.sampled_from(sorted(NAMES)), st.sampled_from(TYPES), st.sampled_from(TYPES))
def test_what_the_policy_excludes_is_never_named(market, hidden, query_type, target_type):
    policy = Policy(
        version="1", blocks=({"type": hidden[0], "ids": (hidden[1],), "reason": "BANNED"},)
    )
    recommender = Recommender(market, policy=policy)
    name = re.compile(rf"\b{re.escape(NAMES[hidden])}\b")
    for query_id in IDS[query_type]:
        if (query_type, query_id) == hidden:
            continue
        answer = (
            recommender.similar(query_type, query_id)
            if query_type == target_type
            else recommender.recommend(query_type, query_id, target_type, exclude_seen=False)
        )
        for item in answer:
            for text in item.reasons:
                assert not name.search(text), (hidden, text)


def test_a_users_own_block_is_never_named(market):
    policy = Policy(version="1", own_blocks=({"user": "u0", "type": "Creator", "ids": ("c1",)},))
    said = [
        text
        for node_type in TYPES
        for item in Recommender(market, policy=policy).recommend(
            "User", "u0", node_type, exclude_seen=False
        )
        for text in item.reasons
    ]
    assert not any("Carl" in text for text in said)
    assert any("Carl" in text for text in without_policy(market))


def without_policy(market):
    return [
        text
        for item in Recommender(market).products_for_user("u0", exclude_seen=False)
        for text in item.reasons
    ]


def test_without_reasons_the_answer_is_the_same_otherwise(market):
    recommender = Recommender(market)
    asked = {"exclude_seen": False}
    plain = recommender.products_for_user("u0", reasons=False, **asked)
    full = recommender.products_for_user("u0", **asked)
    assert [(one.id, one.score, one.fields) for one in plain] == [
        (one.id, one.score, one.fields) for one in full
    ]
    assert all(not one.reasons for one in plain) and all(one.reasons for one in full)


def test_users_alike_are_those_who_share_most(tmp_path):
    """Ten users bought p0 and p1, and all but the first of them p2 as well."""
    market = make_market(tmp_path / "small")
    adjacency = type(next(iter(market.edges(one) for one in market.edge_types)))
    sources = np.repeat(np.arange(10), 3)
    targets = np.tile([0, 1, 2], 10)
    bought = adjacency.from_edges(
        sources[sources + targets != 2], targets[sources + targets != 2], 10, 7
    )
    assert 2 not in bought.targets(0)
    took = SCHEMA.parse_edge_type("User-PURCHASED-Product")
    users = [f"u{number}" for number in range(10)]
    changed = make_market(
        tmp_path / "large",
        nodes={"User": table_of("User", users), "Product": market.attributes("Product")},
        vectors={"User": np.ones((10, 3), np.float32), "Product": np.ones((7, 3), np.float32)},
        edges={took: bought},
    )
    paths = Paths(changed)
    told = Reasons(paths, Display(changed, paths))
    (said,) = told.between("User", np.array([0]), "Product", np.array([2]))
    assert said == ("9 of the 9 most similar users bought it",)


def table_of(node_type, ids):
    from contracts.publish_world import table

    return table(node_type, **{SCHEMA.node_type(node_type).key: ids})
