"""A graph analyst's walk: publish, then ask the saved queries by name: the bundle's answers."""

import json
import re

import numpy as np
import pytest
from contracts.publish_world import SIZES, ids
from pages.markdown import read
from typer.testing import CliRunner

from graphdb.explore import saved_queries
from graphrec.cli import build_app

FOUND = 8
"""How many nodes the saved queries of the model return."""


def run(*words: str) -> str:
    done = CliRunner().invoke(build_app(), list(words))
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def explored(shared_shop, recommenders):
    """Rows of a saved query about a node, after publishing the first release."""
    bundle, url = recommenders[0].bundle.folder, shared_shop.url
    run("publish", str(bundle), url, "--recommend", "User:u00003", "-k", "10")

    def rows(node: str, name: str) -> list[dict]:
        words = ("explore", node, "--query", name, "--store", url, "--run", "--json")
        return json.loads(run(*words))["rows"]

    return rows


def column(rows: list[dict], name: str) -> list[str]:
    return [row[name]["id"] for row in rows]


def test_the_page_names_every_saved_query():
    listed = re.findall(r"^\| `([\w-]+)` \|", read("docs/explore.md"), re.MULTILINE)
    assert sorted(listed) == sorted([*(query.name for query in saved_queries()), "neighbors"])


def test_what_was_recommended_is_what_the_bundle_recommends(explored, recommenders):
    rows = explored("User:u00003", "recommended")
    answer = recommenders[0].products_for_user("u00003", k=10)
    assert column(rows, "target") == list(answer.ids)
    assert [row["score"] for row in rows] == [item.score for item in answer]
    assert {row["u"]["id"] for row in rows} == {"u00003"}


@pytest.mark.parametrize("user", ids("User")[:5])
def test_the_nearest_products_are_the_recommended_ones(explored, recommenders, user):
    rows = explored(f"User:{user}", "nearest-products")
    wanted = list(recommenders[0].products_for_user(user, k=FOUND).ids)
    assert len(rows) == FOUND
    assert len(set(column(rows, "p")) & set(wanted)) >= FOUND - 1, "the index is approximate"


@pytest.mark.parametrize("product", ids("Product")[:5])
def test_similar_products_are_those_of_similar(explored, recommenders, product):
    rows = explored(f"Product:{product}", "similar")
    answer = recommenders[0].similar_products(product, k=FOUND)
    assert len(set(column(rows, "other")) & set(answer.ids)) >= FOUND - 1
    scores = {item.id: item.score for item in answer}
    both = [row for row in rows if row["other"]["id"] in scores]
    assert [row["similarity"] for row in both] == pytest.approx(
        [scores[row["other"]["id"]] for row in both], rel=1e-6, abs=1e-7
    )


def test_lookalikes_by_the_model_are_the_best_users_who_never_bought(explored, recommenders, plain):
    brand = "b00001"
    rows = explored(f"Brand:{brand}", "lookalikes-by-model")
    recommender = recommenders[0]
    row = [recommender.bundle.row_of("Brand", brand)]
    ranked, _ = recommender.top_rows("Brand", row, "User", k=SIZES["User"])
    users = recommender.bundle.ids("User").take(ranked[0][ranked[0] >= 0]).to_pylist()
    bought = (
        "MATCH (u:User)-[:PURCHASED]->(:Product)-[:MADE_BY]->(:Brand {brand_id: $brand})"
        " RETURN DISTINCT u.user_id"
    )
    buyers = {record[0] for record in plain.execute_query(bought, brand=brand).records}
    wanted = [user for user in users if user not in buyers][:FOUND]
    assert column(rows, "person") == wanted
    assert np.all(np.diff([row["score"] for row in rows]) <= 0)


def test_what_a_user_bought_is_among_the_neighbors(explored):
    rows = explored("User:u00003", "taste")
    bought = rows[0]["p"]["id"]
    assert rows[0]["times"] == 1
    around = explored("User:u00003", "neighbors")
    assert bought in {node["id"] for row in around for node in row["way"]["nodes"]}
