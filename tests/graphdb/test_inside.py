"""A name that leads out of its folder is refused, wherever it came from."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb import SCHEMA, open_snapshot, open_store, write_snapshot
from graphdb.checked_schema import Schema
from graphdb.documents import MAX_DEPTH, read_json
from graphdb.errors import SchemaError, SnapshotError, StoreError
from graphdb.file_access import inside
from graphdb.schema_types import Kind, NodeType, Property, Relation
from graphdb.stores.duckdb_store import DuckDBStore

OUTSIDE = [
    "../x",
    "../../x",
    "a/../../x",
    "..",
    "/etc/passwd",
    "//server/share",
    "\\\\server\\share",
    "..\\x",
    "C:x",
    "C:/x",
    "a\0b",
    "a\nb",
    "User\n",
    "",
    ".",
    "./x",
    "a//b",
    "a/",
    "a ",
    "a.",
    "NUL",
    "con.parquet",
    "aux/x",
    "COM1",
    "LPT¹.txt",
    "a|b",
    "a*",
    "a\u202eb",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_is_none_within_the_folder_is_refused(tmp_path, name):
    with pytest.raises(SnapshotError, match=r"so it cannot be a file in .*do not use this folder"):
        inside(tmp_path, name, SnapshotError)


@given(st.lists(st.sampled_from(["..", ".", "a", "b", "", "/", "out", "back"])))
def test_no_name_leads_out(tmp_path_factory, parts):
    top = tmp_path_factory.getbasetemp() / "inside"
    folder = top / "folder"
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in (("out", top), ("back", folder)):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(target)
    try:
        found = inside(folder, "/".join(parts), SnapshotError)
    except SnapshotError:
        return
    assert found.resolve().is_relative_to(folder.resolve())


@pytest.mark.parametrize("what", ["file", "folder on the way", "lost", "circle"])
def test_a_link_may_stay_in_its_folder_but_not_leave_it(tmp_path, what):
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    (folder / "real").mkdir(parents=True)
    outside.mkdir()
    (outside / "x").write_text("mine")
    (folder / "real" / "x").write_text("whole")
    (folder / "kept").symlink_to("real")
    assert inside(folder, "kept/x", SnapshotError).read_text() == "whole"
    if what == "file":
        (folder / "x").symlink_to(outside / "x")
        name = "x"
    elif what == "folder on the way":
        (folder / "way").symlink_to(outside)
        name = "way/x"
    elif what == "lost":
        (folder / "x").symlink_to(tmp_path / "nowhere")
        name = "x"
    else:
        (folder / "x").symlink_to("x")
        assert not inside(folder, "x", SnapshotError).is_file()
        return
    with pytest.raises(SnapshotError, match="is a link that leads out of the folder"):
        inside(folder, name, SnapshotError)


def test_the_folder_itself_may_be_reached_by_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "x").write_text("whole")
    assert inside(tmp_path / "link", "x", SnapshotError).read_text() == "whole"


NODE = NodeType("Thing", "")
ODD_NAMES = [*OUTSIDE, "Ding\n", "thing", "Ding-Dong", "Ä", "x" * 64, "Con", "Nul", "`a`", 'a"b']


def schema_with(part, name):
    if part == "node type":
        return lambda: Schema({name: NodeType(name, "")}, {})
    if part == "relation":
        relation = Relation(name, "", (("Thing", "Thing"),))
        return lambda: Schema({"Thing": NODE}, {name: relation})
    column = Property(name, Kind.INT, "")
    if part == "property":
        return lambda: Schema({"Thing": NodeType("Thing", "", (column,))}, {})
    relation = Relation("LIKES", "", (("Thing", "Thing"),), (column,))
    return lambda: Schema({"Thing": NODE}, {"LIKES": relation})


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("part", ["node type", "relation", "property", "property of an edge"])
def test_the_patterns_of_names_hold_for_schemas_made_in_python(part, name):
    if part.startswith("property") and name == "thing":
        schema_with(part, name)()
        return
    with pytest.raises(SchemaError, match="cannot be the name of a"):
        schema_with(part, name)()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Schema({}, {}), "declares no node types"),
        (lambda: Schema({"Thing": NodeType("Other", "")}, {}), "'Other' is declared as 'Thing'"),
        (
            lambda: Schema({"Ab": NodeType("Ab", ""), "AB": NodeType("AB", "")}, {}),
            "when case is ignored, the schema has the type 'ab' twice",
        ),
        (
            lambda: Schema(
                {"Thing": NodeType("Thing", "", (Property("thing_id", Kind.INT, ""),))}, {}
            ),
            "Thing has the property 'thing_id' twice",
        ),
        (
            lambda: Schema({"Thing": NODE}, {"IS": Relation("IS", "", (("Thing", "Thing"),) * 2)}),
            "has the edge type 'Thing-Thing' twice",
        ),
        (
            lambda: Schema(
                {"Thing": NODE}, {"IS": Relation("IS", "", (("Thing", "Thing"),), repeats=True)}
            ),
            "the relation IS has repeats = true but is not an event; expected is_event = true",
        ),
        (
            lambda: Schema(
                {
                    "Thing": NodeType(
                        "Thing", "", (Property("a", Kind.INT, "", minimum=float("nan")),)
                    )
                },
                {},
            ),
            "Thing.a has the bound nan; expected a number",
        ),
    ],
)
def test_what_else_no_schema_may_declare(make, message):
    with pytest.raises(SchemaError, match=message):
        make()


def at(plain, *path):
    for key in path[:-1]:
        plain = plain[key]
    return plain, path[-1]


CHANGES = [
    (("node_types",), None),
    (("node_types",), {}),
    (("node_types",), []),
    (("relations",), "x"),
    (("node_types", 0), "User"),
    (("node_types", 0, "name"), "../../x"),
    (("node_types", 0, "name"), 7),
    (("node_types", 0, "name"), ["User"]),
    (("node_types", 0, "extra"), 1),
    (("node_types", 0, "properties"), 3),
    (("node_types", 0, "properties", 0, "kind"), "blob"),
    (("node_types", 0, "properties", 0, "kind"), []),
    (("node_types", 0, "properties", 0, "name"), "../x"),
    (("node_types", 0, "properties", 0, "max_length"), -1),
    (("node_types", 0, "properties", 0, "minimum"), "low"),
    (("node_types", 0, "properties", 0, "required"), 1),
    (("node_types", 0, "properties", 0, "choices"), [1]),
    (("relations", 0, "name"), "A/B"),
    (("relations", 0, "ends"), [["User"]]),
    (("relations", 0, "ends"), [["../x", "User"]]),
    (("relations", 0, "ends"), 5),
    (("relations", 0, "event_weight"), "much"),
    (("relations", 0, "is_event"), "yes"),
]


@pytest.mark.parametrize(("path", "value"), CHANGES, ids=lambda one: str(one))
def test_a_schema_from_a_file_is_checked_the_same(tmp_path, path, value):
    plain = json.loads(json.dumps(SCHEMA.to_dict()))
    place, key = at(plain, *path)
    place[key] = value
    with pytest.raises(SchemaError):
        Schema.from_dict(plain)
    file = tmp_path / "store.duckdb"
    with DuckDBStore(str(file)) as store, store.sql() as cursor:
        cursor.execute("UPDATE graphrec.meta SET graph_schema = ?", [json.dumps(plain)])
    with pytest.raises(StoreError, match=r"the schema of the store .* cannot be read"):
        open_store(str(file))


@pytest.mark.parametrize("twice", ["node_types", "relations"])
def test_a_type_that_is_declared_twice_is_not_the_last_one(twice):
    plain = SCHEMA.to_dict()
    plain[twice].append(plain[twice][0])
    with pytest.raises(SchemaError, match="twice; expected it once"):
        Schema.from_dict(plain)


def test_what_to_dict_gives_is_read_back_to_the_digit():
    for plain in (SCHEMA.to_dict(), json.loads(json.dumps(SCHEMA.to_dict()))):
        read = Schema.from_dict(plain)
        assert (read, read.fingerprint) == (SCHEMA, SCHEMA.fingerprint)


@pytest.fixture
def snapshot(tmp_path):
    with open_store("duckdb:") as store:
        return write_snapshot(store, tmp_path / "snapshot").folder


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "User\n", "Us er", "NUL"])
def test_a_snapshot_that_names_a_type_so_is_refused(snapshot, name):
    path = snapshot / "manifest.json"
    path.write_text(path.read_text().replace('"PriceBand"', json.dumps(name)))
    with pytest.raises(SnapshotError, match=r"schema cannot be read.*cannot be the name of a node"):
        open_snapshot(snapshot)


@pytest.mark.parametrize("name", ["manifest.json", "nodes/User.parquet", "nodes", "edges"])
def test_a_snapshot_whose_link_leads_out_is_refused(snapshot, tmp_path, name):
    outside = tmp_path / "outside"
    (snapshot / name).rename(outside)
    (snapshot / name).symlink_to(outside)
    with pytest.raises(SnapshotError, match="is a link that leads out of the folder"):
        open_snapshot(snapshot)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NaN", "NaN is not a JSON number"),
        ("[Infinity]", "Infinity is not a JSON number"),
        ("-Infinity", "-Infinity is not a JSON number"),
        ("[1e999]", "1e999 is too large"),
        ('{"a": 1, "b": 2, "a": 1}', "the key 'a' is repeated"),
        ('"\\ud800"', "surrogates not allowed"),
        ("[" * 100_000, "nested too deeply"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "more than 100 levels"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("1" * 5_000, "integer"),
        (b'"\xff"', "codec can't decode"),
        ("{", "Expecting"),
        ("", "Expecting"),
    ],
)
def test_json_that_is_none(text, message):
    with pytest.raises(ValueError, match=message):
        read_json(text)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    )
)
def test_all_json_is_read(value):
    assert read_json(json.dumps(value)) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value
