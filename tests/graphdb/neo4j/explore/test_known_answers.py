"""The saved queries on a shop small enough to know every answer by heart."""

import pytest

from graphdb import SCHEMA
from graphdb.explore import ask, saved_queries
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables

QUERIES = {query.name: query for query in saved_queries()}
# ann and bob buy acme's pans; cid buys what they buy, but nothing of acme's; dee bought only tea.
SHOP = {
    "User.csv": "user_id\nann\nbob\ncid\ndee\n",
    "Creator.csv": "creator_id,name\nkim,Kim cooks\n",
    "Product.csv": (
        "product_id,title,price,status\npan,Iron pan,30,active\nwok,Wok,40,withdrawn\n"
        "lid,Lid,9,active\npot,Pot,20,active\noil,Oil,5,active\ntea,Tea,4,active\n"
    ),
    "Brand.csv": "brand_id,name\nacme,Acme\nleaf,Leaf\n",
    "Content.csv": "content_id,title\nfry,How to fry\n",
    "Product-MADE_BY-Brand.csv": (
        "source_id,target_id\npan,acme\nwok,acme\nlid,acme\npot,acme\noil,leaf\ntea,leaf\n"
    ),
    "Creator-PUBLISHED-Content.csv": "source_id,target_id\nkim,fry\n",
    "Content-FEATURES-Product.csv": "source_id,target_id\nfry,pot\n",
    "Creator-PROMOTES-Product.csv": "source_id,target_id\nkim,oil\n",
    "User-FOLLOWS-Creator.csv": "source_id,target_id,at\ndee,kim,2024-05-01\n",
    "User-PURCHASED-Product.csv": (
        "source_id,target_id,at\nann,pan,2024-06-01\nann,pan,2024-06-02\nann,oil,2024-06-01\n"
        "bob,pan,2024-06-01\nbob,lid,2024-06-01\nbob,lid,2024-06-02\nbob,oil,2024-06-03\n"
        "cid,oil,2024-06-01\ndee,tea,2024-06-01\n"
    ),
    "User-RETURNED-Product.csv": (
        "source_id,target_id,at\nbob,lid,2024-07-01\nbob,lid,2024-07-02\nann,pan,2024-07-01\n"
    ),
}


@pytest.fixture
def answer(settings, store, tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, text in SHOP.items():
        (folder / name).write_text(text)
    assert ingest(folder_tables(folder, SCHEMA), store).rejected == 0

    def rows(name: str, **values: str) -> list[dict[str, object]]:
        found = ask(settings.uri, QUERIES[name].text, values)
        return [dict(zip(found.columns, row, strict=True)) for row in found.rows]

    return rows


def test_taste_is_what_was_bought_and_kept(answer):
    found = [(str(row["p"]), row["times"]) for row in answer("taste", user_id="ann")]
    assert found == [("Product:pan 'Iron pan'", 2), ("Product:oil 'Oil'", 1)]
    kept = {row["p"].node_id for row in answer("taste", user_id="bob")}
    assert kept == {"pan", "oil"}, "bob sent every lid back"
    (row,) = answer("taste", user_id="dee")
    assert str(row["brand"]) == "Product:tea 'Tea' -MADE_BY-> Brand:leaf 'Leaf'"


def test_the_audience_begins_with_who_bought_most(answer):
    found = [
        (row["u"].node_id, row["times"], row["p"].node_id)
        for row in answer("audience", brand_id="acme")
    ]
    assert found == [("bob", 3, "lid"), ("ann", 2, "pan")], "each with what was bought most"


def test_lookalikes_never_bought_the_brand(answer):
    found = [
        (row["person"].node_id, row["p"].node_id) for row in answer("lookalikes", brand_id="acme")
    ]
    assert found == [("cid", "oil")], "dee bought nothing that acme's buyers bought"
    assert answer("lookalikes", brand_id="leaf") == []


def test_blocked_tells_why(answer):
    found = {
        row["p"].node_id: (row["reasons"], row["bought"], row["returned"])
        for row in answer("blocked", brand_id="acme")
    }
    assert found == {"wok": (["withdrawn"], 0, 0), "lid": (["often_returned"], 2, 2)}
    assert answer("blocked", brand_id="leaf") == []


def test_the_portfolio_is_contents_and_commissions(answer):
    found = [(str(row["shown"]), str(row["way"])) for row in answer("portfolio", creator_id="kim")]
    content, oil = "Content:fry 'How to fry'", "Product:oil 'Oil'"
    assert found == [
        (
            f"Creator:kim 'Kim cooks' -PUBLISHED-> {content}",
            f"{content} -FEATURES-> Product:pot 'Pot' -MADE_BY-> Brand:acme 'Acme'",
        ),
        (f"Creator:kim 'Kim cooks' -PROMOTES-> {oil}", f"{oil} -MADE_BY-> Brand:leaf 'Leaf'"),
    ]


def test_why_walks_from_what_the_user_did(answer):
    def ways(user_id: str, product_id: str) -> set[str]:
        found = answer("why", user_id=user_id, product_id=product_id)
        return {f"{row['did']} {row['way']}" for row in found}

    pot, brand = "Product:pot 'Pot'", "Brand:acme 'Acme'"
    assert ways("dee", "pot") == {
        f"FOLLOWS Creator:kim 'Kim cooks' -PUBLISHED-> Content:fry 'How to fry' -FEATURES-> {pot}"
    }
    assert ways("ann", "pot") == {
        f"PURCHASED Product:pan 'Iron pan' -MADE_BY-> {brand} <-MADE_BY- {pot}"
    }
    assert ways("cid", "pot") == set()


def test_why_begins_with_direct_facts(answer):
    found = answer("why", user_id="ann", product_id="pan")
    assert [(str(row["did"]), row["kind"], row["times"]) for row in found[:2]] == [
        ("PURCHASED", ["PURCHASED"], 2),
        ("RETURNED", ["RETURNED"], 1),
    ]
    assert {(row["u"].node_id, row["p"].node_id) for row in found} == {("ann", "pan")}


def test_the_creators_of_a_brand_promote_or_show_it(answer):
    (row,) = answer("creators", brand_id="acme")
    assert (row["creator"].node_id, row["times"], row["followers"]) == ("kim", 1, 1)
    assert [str(way) for way in row["ways"]] == [
        "Brand:acme 'Acme' <-MADE_BY- Product:pot 'Pot' <-FEATURES- Content:fry 'How to fry'"
        " <-PUBLISHED- Creator:kim 'Kim cooks'"
    ]
    (row,) = answer("creators", brand_id="leaf")
    assert [str(way) for way in row["ways"]] == [
        "Brand:leaf 'Leaf' <-MADE_BY- Product:oil 'Oil' <-PROMOTES- Creator:kim 'Kim cooks'"
    ]


def test_a_creators_audience_bought_what_it_carries(answer):
    found = answer("creator-audience", creator_id="kim")
    assert [(row["u"].node_id, row["times"], row["p"].node_id) for row in found] == [
        ("ann", 1, "oil"),
        ("bob", 1, "oil"),
        ("cid", 1, "oil"),
    ]
    assert {str(row["way"]) for row in found} == {
        "Creator:kim 'Kim cooks' -PROMOTES-> Product:oil 'Oil'"
    }
    assert [row["follows"] for row in found] == [None] * 3, "dee alone follows, and bought tea"


def test_the_shelf_shows_who_carries_the_product(answer):
    (row,) = answer("shelf", product_id="oil")
    assert [str(way) for way in row["creators"]] == [
        "Product:oil 'Oil' <-PROMOTES- Creator:kim 'Kim cooks'"
    ]
    assert row["contents"] == row["tags"] == []


def test_an_unknown_id_finds_nothing(answer):
    for query in saved_queries():
        assert answer(query.name, **dict.fromkeys(query.parameters, "nobody")) == []
