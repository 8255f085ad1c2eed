"""`graphrec publish` as typed on a command line, into a real server."""

import json

import pytest
from contracts.publish_world import SHOW_INDEXES, make_bundle
from pages.markdown import lines_of, run_line, texts
from pages.messages import says
from typer.testing import CliRunner

from graphdb import open_store
from graphrec import Recommender
from graphrec.cli import build_app


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundles"), 1)


@pytest.fixture
def url(shop):
    return shop.url


@pytest.fixture
def run(bundle):
    def invoke(*arguments: object):
        words = ["publish", str(bundle.folder), *map(str, arguments)]
        return CliRunner().invoke(build_app(), words)

    return invoke


def test_a_table_says_what_was_done(run, url, bundle):
    done = run(url)
    assert done.exit_code == 0, done.stderr
    lines = [" ".join(line.replace("│", " ").split()) for line in done.stdout.splitlines()]
    assert f"Release {bundle.manifest.release_id} is served." in lines
    assert "Product 1,499 1,499 1 0 0" in lines
    assert "RECOMMENDED" not in done.stdout
    again = run(url, "--recommend", "user:u00003", "-k", 3)
    assert "Product 1,499 0 1 0 0" in " ".join(again.stdout.replace("│", " ").split())
    assert "3 RECOMMENDED relationships created." in again.stdout
    assert "of earlier releases" not in again.stdout


def test_query_nodes_come_from_a_file_too_and_json_says_all(run, url, bundle, tmp_path, plain):
    queries = tmp_path / "queries.txt"
    queries.write_text("User:u00003\n\n  Brand:b00001 \n")
    done = run(url, "--queries", queries, "--recommend", "User:u00004", "--json")
    assert done.exit_code == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["release_id"], said["replaced"]) == (bundle.manifest.release_id, None)
    assert said["types"]["Brand"] == {
        "written": 4,
        "kept": 0,
        "zero": 1,
        "unknown": 0,
        "uncovered": 0,
    }
    assert (said["recommended"], said["recommended_unknown"]) == (30, 0)
    drawn = plain.execute_query(
        "MATCH (b:Brand {brand_id: 'b00001'})-[x:RECOMMENDED]->(u:User)"
        " WITH x, u ORDER BY x.rank RETURN collect(u.user_id)"
    ).records[0][0]
    assert drawn == list(Recommender(bundle).recommend("Brand", "b00001", "User").ids)


def test_the_commands_of_the_page(url, bundle, tmp_path, monkeypatch):
    """docs/neo4j.md; its queries are asked in test_neo4j_publish.py."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEO4J_URI", url)
    (tmp_path / "bundle").symlink_to(bundle.folder)
    (tmp_path / "brands.txt").write_text("Brand:b00001\n")
    (block,) = texts("docs/neo4j.md", "sh")
    here = block.replace("User:543", "User:u00003").replace("User:99", "User:u00004")
    plain, recommending, seeding = (run_line(line) for line in lines_of(here))
    assert "is served" in plain
    assert "20 RECOMMENDED relationships created" in recommending
    assert "10 RECOMMENDED relationships created" in seeding


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (["--recommend", "u00003"], 2, "'u00003' is not a node; write TYPE:ID"),
        (["--recommend", "Usr:u00003"], 2, "did you mean 'User'?"),
        (["--recommend", "User:nobody"], 8, "no User has the id 'nobody'"),
        (["--target", "brnds", "--recommend", "User:u00003"], 2, "did you mean 'Brand'?"),
        (["--queries", "{tmp}/none.txt"], 2, "does not exist"),
        (["--queries", "{tmp}/latin.txt"], 2, "is not UTF-8 text"),
    ],
)
def test_wrong_query_nodes_are_named_and_nothing_is_written(
    run, url, plain, tmp_path, options, exit_code, message
):
    (tmp_path / "latin.txt").write_bytes(b"User:\xe4\n")
    done = run(url, *(option.format(tmp=tmp_path) for option in options))
    assert done.exit_code == exit_code
    assert says(done.stderr, message)
    assert plain.execute_query(SHOW_INDEXES).records == []


def test_an_embedded_store_is_no_place_to_publish_into(run, tmp_path):
    shop = tmp_path / "shop.duckdb"
    assert run(shop).exit_code == 5
    open_store(str(shop)).close()
    done = run(shop, "--json")
    assert done.exit_code == 5
    error = json.loads(done.stderr)
    assert error["error"] == "StoreError"
    assert "is an embedded store, which cannot search vectors" in error["what"]
    assert "graphrec ingest SOURCE neo4j://" in error["next_step"]
