"""An explanation as text, as a graph and as plain data."""

import json
from datetime import UTC, datetime

import networkx as nx
import pytest

from graphrec.explain import Evidence, explain
from graphrec.explain.render.words import evidence_text

ANN, CUP = ("User", "ann"), ("Product", "p9")


def test_text(shop):
    assert explain(shop, ANN, CUP, k=2, examples=1).to_text() == (
        "Why Product:p9 'Red cup' for User:ann\n"
        "follows Zoe, who carries it\n"
        "bought 2 products of Acme\n"
        "\n"
        "1. User:ann → Creator:zoe 'Zoe' → Product:p9\n"
        "   User:ann -[FOLLOWS]-> Creator:zoe 'Zoe' -[PROMOTES]-> Product:p9 'Red cup'\n"
        "\n"
        "2. User:ann → 2 Product nodes → Brand:acme 'Acme' → Product:p9\n"
        "   User:ann -[PURCHASED]-> Product:p2 -[MADE_BY]-> Brand:acme 'Acme'"
        " <-[MADE_BY]- Product:p9 'Red cup'\n"
        "   and 1 more path like these\n"
    )


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (None, ""),
        (Evidence(1), ""),
        (Evidence(1, last_at=datetime(2025, 3, 1, tzinfo=UTC)), "2025-03-01"),
        (
            Evidence(1200, last_at=datetime(2025, 3, 1, tzinfo=UTC), value=3456.5, stars=1),
            "1,200 times, last 2025-03-01, 3,456.50 paid, 1 star",
        ),
        (Evidence(1, since=datetime(2025, 3, 1, tzinfo=UTC)), "since 2025-03-01"),
    ],
)
def test_evidence_in_words(evidence, words):
    assert evidence_text(evidence) == words


def test_networkx(shop):
    explanation = explain(shop, ANN, CUP, k=2)
    graph = explanation.to_networkx()
    assert isinstance(graph, nx.MultiDiGraph)
    assert graph.nodes[ANN] == {"type": "User", "id": "ann", "name": "ann", "role": "query"}
    assert graph.nodes[CUP]["role"] == "target"
    assert graph.nodes["Brand", "acme"]["role"] == "between"
    wanted = {
        (ANN, ("Creator", "zoe"), "FOLLOWS"),
        (("Creator", "zoe"), CUP, "PROMOTES"),
        (ANN, ("Product", "p1"), "PURCHASED"),
        (ANN, ("Product", "p2"), "PURCHASED"),
        (("Product", "p1"), ("Brand", "acme"), "MADE_BY"),
        (("Product", "p2"), ("Brand", "acme"), "MADE_BY"),
        (CUP, ("Brand", "acme"), "MADE_BY"),
    }
    assert set(graph.edges(keys=True)) == wanted
    for path in explanation.paths:
        ends = [(node.type, node.id) for node in path.nodes]
        assert nx.is_simple_path(graph.to_undirected(), ends)


def test_networkx_of_nothing_has_the_two_nodes(make_bundle):
    bundle = make_bundle({"User-PURCHASED-Product": "ann-p1 bob-p9"})
    assert set(explain(bundle, ANN, CUP).to_networkx()) == {ANN, CUP}


def test_plain_data_goes_through_json(shop):
    explanation = explain(shop, ANN, CUP, k=1)
    told = json.loads(json.dumps(explanation.to_dict()))
    assert told["query"] == {"type": "User", "id": "ann", "name": "ann"}
    assert (told["max_hops"], told["whole"]) == (4, True)
    (group,) = told["groups"]
    assert group["types"] == ["User", "Creator", "Product"]
    assert (group["num_paths"], group["at_least"], group["widths"]) == (1, False, [1, 1, 1])
    (path,) = group["paths"]
    assert [node["id"] for node in path["nodes"]] == ["ann", "zoe", "p9"]
    assert [edge["relation"] for edge in path["edges"]] == ["FOLLOWS", "PROMOTES"]
    assert path["edges"][1]["source"]["name"] == "Zoe"
    assert path["edges"][1]["evidence"] is None


def test_cypher_holds_ids_as_escaped_literals(make_bundle):
    evil = "x'}) DETACH DELETE n //&arg=#"
    bundle = make_bundle(names={"p9": evil})
    assert explain(bundle, ANN, CUP, k=1).to_cypher() == (
        "// Why: the strongest ways from the query node to the target\n"
        "MATCH way = (n0:`User` {`user_id`: 'ann'})-[r0:`FOLLOWS`]->"
        "(n1:`Creator` {`creator_id`: 'zoe'})-[r1:`PROMOTES`]->"
        "(n2:`Product` {`product_id`: 'p9'})\n"
        "RETURN way ORDER BY r0.at DESC, r1.at DESC LIMIT 1\n"
    )


def test_text_in_chinese(shop):
    text = explain(shop, ANN, CUP, k=2, examples=1, language="zh").to_text()
    assert text.splitlines()[:3] == [
        "为何向 User:ann 推荐 Product:p9 'Red cup'",
        "关注了带它的Zoe",
        "买过 Acme 的 2 件商品",
    ]
    assert "2 个 Product" in text
    assert "另有 1 条同类路径" in text
