"""Files that are no tables, mappings that fit nothing, schemas that are none: each says why."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphdb import SCHEMA
from graphdb.errors import FileFormatError, MappingError, SchemaError
from graphdb.io.mapped_tables import folder_tables
from graphdb.schema import extend_schema

PARQUET_TRUNCATED = b"PAR1" + b"\0" * 100


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("User.csv", b"", "'.*User.csv' is empty; expected at least a header row"),
        ("User.csv", b"user_id,user_id\nann,bob\n", "several columns named 'user_id'"),
        ("User.csv", b"user_id,citty\nann,Rome\n", "column 'citty'.*did you mean 'city'"),
        ("User.csv", b"city\nRome\n", "has no column 'user_id', which User needs"),
        (
            "User.csv",
            b'user_id,city\nann,"Rome\nbob,Oslo\n',
            "a quote in or before row 1 that never",
        ),
        ("Usr.csv", b"user_id\nann\n", "'Usr.csv' is named after no type.*did you mean 'User'"),
        ("User.parquet", b"user_id\nann\n", "is not a readable Parquet file.*write or copy"),
        ("User.parquet", PARQUET_TRUNCATED, "is not a readable Parquet file"),
        ("User.arrow", b"user_id\nann\n", "is not a readable Arrow file"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path, load, file, content, message):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        load(tmp_path)


REPEATED = pa.Table.from_arrays([pa.array(["ann"]), *[pa.array(["x"])] * 2], ["user", "", ""])


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow"])
def test_names_that_repeat_matter_only_where_they_are_read(tmp_path, load, store, suffix):
    path = tmp_path / f"users.{suffix}"
    if suffix == "csv":
        path.write_text("user,,\nann,x,x\n")
    elif suffix == "parquet":
        pq.write_table(REPEATED, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, REPEATED.schema) as writer:
            writer.write_table(REPEATED)
    table = f'[[table]]\nfile = "users.{suffix}"\nnode = "User"\n'
    (tmp_path / "mapping.toml").write_text(table + 'columns = { user_id = "user" }\n')
    load(tmp_path)
    assert store.counts()["User"] == 1
    (tmp_path / "mapping.toml").write_text(table + 'columns = { user_id = "user", city = "" }\n')
    with pytest.raises(FileFormatError, match=f"users.{suffix}' has several columns named ''"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["User.CSV", "User.Csv", "User.PARQUET"])
def test_endings_may_be_written_large(tmp_path, load, store, name):
    if name.endswith("PARQUET"):
        pq.write_table(pa.table({"user_id": ["ann"]}), tmp_path / name)
    else:
        (tmp_path / name).write_text("user_id\nann\n")
    load(tmp_path)
    assert store.counts()["User"] == 1


@pytest.mark.parametrize("name", ["Product.xlsx", "Product.json", "Product.txt", "Product"])
def test_a_file_that_is_named_after_a_type_is_not_passed_over(tmp_path, load, name):
    (tmp_path / "User.csv").write_text("user_id\nann\n")
    (tmp_path / "README.md").write_text("Tables of a shop.")
    (tmp_path / name).write_text("product_id\npan\n")
    with pytest.raises(
        FileFormatError, match=f"'{name}' is not a known kind of table file; expected one"
    ):
        load(tmp_path)


def test_a_folder_of_parts_is_read_by_a_pattern(tmp_path, load, store):
    parts = tmp_path / "users.parquet"
    parts.mkdir()
    (parts / "_SUCCESS").touch()
    for number in (0, 1):
        table = pa.table({"user": [f"u{number}"]})
        pq.write_table(table, parts / f"part-0000{number}-c000.snappy.parquet")
    text = '[[table]]\nfile = "{}"\nnode = "User"\ncolumns = {{ user_id = "user" }}\n'
    (tmp_path / "mapping.toml").write_text(text.format("users.parquet"))
    with pytest.raises(MappingError, match=r'is a folder, .*set file = "users.parquet/\*.parquet"'):
        load(tmp_path)
    (tmp_path / "mapping.toml").write_text(text.format("users.parquet/*.parquet"))
    load(tmp_path)
    assert store.counts()["User"] == 2


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"has no table files; expected .*mapping.toml"):
        folder_tables(tmp_path, SCHEMA)
    with pytest.raises(FileFormatError, match="there is no folder"):
        folder_tables(tmp_path / "nowhere", SCHEMA)


ORDERS = '[[table]]\nfile = "orders.csv"\nrelation = "PURCHASED"\n'
COLUMNS = '[table.columns]\nsource_id = "customer"\ntarget_id = "sku"\nat = "day"\n'


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[[table]\n", "mapping.toml is not valid TOML.*line 1"),
        ("", r"line 1: 'table': Field required"),
        ("[[tabel]]\n", "line 1: unknown key 'tabel'; did you mean 'table'"),
        (ORDERS + "fiel = 1\n" + COLUMNS, "line 4: unknown key 'fiel'; did you mean 'file'"),
        (ORDERS + COLUMNS + 'count = { colum = "n" }\n', "line 8.*'colum'; did you mean 'column'"),
        (ORDERS + COLUMNS + "count = { scale = 2 }\n", "line 8.*give either column or constant"),
        (ORDERS + COLUMNS + 'cuont = "n"\n', "line 8: .*no property 'cuont'; did you mean 'count'"),
        (ORDERS + COLUMNS + 'value = "monney"\n', "line 8: .*no column 'monney'.*'money'"),
        (ORDERS.replace("PURCHASED", "PURCHASE") + COLUMNS, "line 3: .*did you mean 'PURCHASED'"),
        (ORDERS.replace("orders", "order") + COLUMNS, "line 2: there is no file.*'orders.csv'"),
        (ORDERS + 'node = "User"\n' + COLUMNS, "line 1: .*give either node or relation"),
        (ORDERS + '[table.columns]\nsource_id = "customer"\n', "line 4.*needs a column for 'targe"),
        (
            '[[table]]\nfile = "orders.csv"\nrelation = "FOLLOWS"\n' + COLUMNS,
            "line 3: .*fits 2 edge types",
        ),
    ],
)
def test_a_wrong_mapping_names_the_line_and_the_nearest_key(tmp_path, toml, message):
    (tmp_path / "orders.csv").write_text("customer,sku,day,money,n\nann,tea,2024-01-01,1,1\n")
    (tmp_path / "mapping.toml").write_text(toml)
    with pytest.raises(MappingError, match=message):
        folder_tables(tmp_path, SCHEMA)


STORED_IN = '[relation.STORED_IN]\nends = [["Product", "Warehouse"]]\n'


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[node.Warehouse\n", "schema.toml is not valid TOML"),
        ("[nodes.Warehouse]\n", "line 1: unknown key 'nodes'; did you mean 'node'"),
        ("[node.Warehouse]\ndocs = 'x'\n", "line 2: unknown key 'docs'; did you mean 'doc'"),
        (
            "[relation.PURCHASED]\nbehaviour_weight = 3\n",
            "line 2: unknown key 'behaviour_weight'; it is 'event_weight' now",
        ),
        ("[node.warehouse]\n", "line 1: 'warehouse' cannot be a name.*like Warehouse"),
        (STORED_IN, "line 2: .*unknown node type 'Warehouse'"),
        ("[relation.STORED_IN]\n", "line 1: the new relation STORED_IN connects nothing"),
        ("[relation.stored]\nends = []\n", "line 1: 'stored' cannot be a name"),
        (
            "[node.Product.property.price]\nkind = 'int'\n",
            "line 1: Product has a property 'price' already",
        ),
        (
            "[node.Product.property.weight]\n\nkind = 'decimal'\n",
            "line 3: 'node.Product.property.weight.kind': Input should be 'string'",
        ),
        (
            "[node.Product.property.weight]\nkind = 'float'\nminimun = 1\n",
            "line 3: unknown key 'minimun'; did you mean 'minimum'",
        ),
        (
            "[node.Product.property.'Bad; DROP']\nkind = 'float'\n",
            "cannot be a name here; expected a name like material",
        ),
        ('[relation.SEEN]\nends = [["User", "Product"]]\nrepeats = true\n', "only events can"),
    ],
)
def test_a_wrong_schema_file_names_the_line_and_the_nearest_key(tmp_path, toml, message):
    path = tmp_path / "schema.toml"
    path.write_text(toml)
    with pytest.raises(SchemaError, match=message):
        extend_schema(path)


def test_a_schema_file_extends_what_there_is(tmp_path):
    path = tmp_path / "schema.toml"
    path.write_text(
        "[node.Product.property.material]\nkind = 'string'\nchoices = ['iron', 'clay']\n"
        "[node.Warehouse]\ndoc = 'Where stock lies.'\n"
        + STORED_IN
        + "[relation.FOLLOWS]\nends = [['User', 'Shop']]\n"
    )
    schema = extend_schema(path)
    material = next(c for c in schema.columns("Product") if c.name == "material")
    assert material.choices == ("iron", "clay")
    assert str(schema.edge_type("STORED_IN")) == "Product-STORED_IN-Warehouse"
    assert schema.edge_type("FOLLOWS", target="Shop").source == "User"
    assert schema.relation("FOLLOWS").is_event
    assert set(SCHEMA.tables()) < set(schema.tables())
