"""The saved queries as files: what they name, what they ask for, and how they are packed."""

import re
import zipfile

import pytest
from contracts.publish_world import ASK, DRAWN_AND_SERVED
from pages.markdown import texts

from graphdb import SCHEMA
from graphdb.errors import FileAccessError
from graphdb.explore import NEIGHBORS, queries_for, saved_queries, write_browser_files

PUBLISHED = {"_GraphRec", "RECOMMENDED"}
QUERIES = {query.name: query for query in saved_queries()}


def test_the_list_is_complete(request):
    folder = request.config.rootpath / "graphdb" / "explore" / "queries"
    assert set(QUERIES) == {file.stem for file in folder.iterdir()}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_names_only_what_the_schema_knows(name):
    cypher = QUERIES[name].cypher
    known = {*SCHEMA.node_types, *SCHEMA.relations, *PUBLISHED}
    named = re.findall(r"(?<=[:|])[A-Z_]\w+", cypher)
    assert named and set(named) <= known
    columns = {column.name for table in SCHEMA.tables() for column in SCHEMA.columns(table)}
    published = {
        "id",
        "embedding",
        "dim",
        "padding",
        "rank",
        "score",
        "release",
        "typical_norm_Product",
        "max_norm_Creator",
    }
    assert set(re.findall(r"\b[a-z]\w*\.([a-z]\w+)", cypher)) <= columns | published | {
        "queryNodes",
        "index",
    }


ONE_RELEASE = re.compile(
    r"MATCH \(served:_GraphRec \{name: 'release'\}\) WITH served\.id AS id\s"
    r"MATCH (\(\w+:_GraphRec \{name: 'release ' \+ id\}\)|.*\{release: id\})"
)
OF_RELEASES = {
    **{name: query.cypher for name, query in QUERIES.items() if "_GraphRec" in query.cypher},
    **{f"documented {at}": text for at, text in enumerate(texts("docs/neo4j.md", "cypher"))},
    **{"asked by tests": ASK, "counted by tests": DRAWN_AND_SERVED},
}


@pytest.mark.parametrize("text", OF_RELEASES.values(), ids=OF_RELEASES)
def test_which_release_is_served_is_read_once(text):
    """A release may be replaced at any moment; a second look would see another one."""
    assert ONE_RELEASE.match(text)
    assert text.count("served") == 2, "the node and its one property"


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_well_in_the_browser(name):
    query = QUERIES[name]
    first, second, *_ = query.text.splitlines()
    assert first == f"// {query.title}"
    assert all(
        f"{parameter} " in second or f"{parameter}:" in second for parameter in query.parameters
    )
    assert ":param" in second
    # Browser cuts a link at the first two, and a script at the third.
    assert not set("&#;") & set(query.cypher)
    assert query.asks_about(SCHEMA)


@pytest.mark.parametrize("node_type", SCHEMA.node_types)
def test_every_type_has_a_first_query_that_asks_about_it_alone(node_type):
    queries = queries_for(SCHEMA, node_type)
    assert next(iter(queries.values())).asks_about(SCHEMA) == (node_type,)
    assert list(queries)[-1] == NEIGHBORS


def test_values_come_in_as_literals_and_only_there():
    why = QUERIES["why"]
    filled = why.filled({"user_id": "$product_id", "product_id": "it's"})
    assert "{user_id: '\\u0024product_id'}" in filled
    assert "{product_id: 'it\\'s'}" in filled
    assert filled.startswith(f"// {why.title}\nMATCH")
    with pytest.raises(KeyError, match="product_id"):
        why.filled({"user_id": "ann"})


def test_the_files_for_the_browser_hold_every_query_in_one_folder(tmp_path):
    written = write_browser_files(tmp_path / "new" / "folder")
    assert "node.User {" in written.style.read_text()
    with zipfile.ZipFile(written.queries) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == {
            f"graphrec/{query.name}.cypher": query.text for query in saved_queries()
        }
    before = written.queries.read_bytes()
    assert write_browser_files(tmp_path / "new" / "folder").queries.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileAccessError, match=r"cannot make the folder '.*file': part of"):
        write_browser_files(tmp_path / "file")
