"""`graphrec init` on folders of messy tables: its proposal is ingested, and the counts are exact.

The tables are made here, so the right answers are counted by plain loops over the same rows.
"""

import datetime as dt
import json
import tomllib
from collections import Counter
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pages.messages import says
from typer.testing import CliRunner

from graphdb import SCHEMA, open_store, propose_mapping
from graphdb.errors import DataError, FileFormatError
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables
from graphdb.sources.synthetic import WorldConfig, generate_world
from graphrec.cli import build_app

STATES = {"在售": "active", "下架": "withdrawn", "缺货": "out_of_stock"}
PRICES = {"1.299,00": 1299.0, "59,90": 59.9, "无": None, "8": 8.0}
EVENTS = {"浏览": "VIEWED", "加购": "CARTED", "购买": "PURCHASED"}
SHANGHAI = ZoneInfo("Asia/Shanghai")

USERS = [
    (f"u{row:03}", ["上海", "北京", "NULL"][row % 3], f"2025-03-1{row % 9} 07:30:00")
    for row in range(40)
]
PRODUCTS = [
    (
        f"p{row:03}",
        f"纯棉短袖T恤 第{row}款",
        ["安踏", "李宁", ""][row % 3],
        ["服装", "鞋包"][row % 2],
        list(PRICES)[row % 4],
        list(STATES)[row % 3],
        ["夏季|新款", "夏季", ""][row % 3],
    )
    for row in range(30)
]
LOG = [
    (
        f"u{row * 7 % 40:03}",
        f"p{row * 11 % 30:03}",
        ["浏览", "浏览", "加购", "购买", "收藏"][row % 5],
        f"2025-06-{1 + row % 28:02} {row % 24:02}:{row % 60:02}:05",
    )
    for row in range(600)
]
RATINGS = [
    (f"u{row % 40:03}", f"p{row % 30:03}", str(row % 6), f"2025-07-{1 + row % 28:02} 12:00:00")
    for row in range(120)
]


def text(header, rows, separator=","):
    return "".join(separator.join(row) + "\n" for row in (header.split(","), *rows))


@pytest.fixture
def shop(tmp_path):
    """The export of a Chinese shop: GBK, one file with semicolons and decimal commas."""
    folder = tmp_path / "shop"
    folder.mkdir()
    files = {
        "用户.csv": text("用户ID,城市,注册时间", USERS),
        "商品.csv": text("商品ID,商品名称,品牌,类目,价格,状态,标签", PRODUCTS, ";"),
        "行为日志.csv": text("用户ID,商品ID,行为类型,行为时间", LOG),
        "评价.csv": text("用户ID,商品ID,评分,评价时间", RATINGS),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content.encode("gbk"))
    (folder / "说明.pdf").write_bytes(b"%PDF")
    return folder


@pytest.fixture
def run():
    def invoke(*arguments: object):
        return CliRunner().invoke(build_app(), [str(argument) for argument in arguments])

    return invoke


def ingested(folder, store):
    return ingest(folder_tables(folder, SCHEMA), store)


def test_a_messy_shop_goes_from_tables_to_a_store_in_two_commands(shop, tmp_path, run):
    path = tmp_path / "shop.duckdb"
    proposed = run("init", shop)
    assert proposed.exit_code == 0, proposed.stderr
    assert says(
        proposed.stderr, "行为类型 = 收藏 are not read: no relation of the schema is called so"
    )
    assert says(proposed.stderr, "说明.pdf is left out: it is not a table file")
    done = run("ingest", shop, path, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["rejected"] == 0
    with open_store(str(path), read_only=True) as store:
        counts = store.counts()
        products = store.read_nodes("Product").read_all().to_pylist()
        users = store.read_nodes("User").read_all().to_pylist()
        events = {
            relation: store.read_edges(SCHEMA.edge_type(relation)).read_all().to_pylist()
            for relation in (*EVENTS.values(), "RATED", "MADE_BY", "IN_CATEGORY", "TAGGED")
        }
        assert store.read_rejects().num_rows == 0
    assert (counts["User"], counts["Product"], counts["Brand"]) == (40, 30, 2)
    assert (counts["Category"], counts["Tag"]) == (2, 2)
    found = {row["product_id"]: (row["title"], row["price"], row["status"]) for row in products}
    assert found == {row[0]: (row[1], PRICES[row[4]], STATES[row[5]]) for row in PRODUCTS}
    created = {row["user_id"]: row["created_at"] for row in users}
    assert created == {
        user: dt.datetime.fromisoformat(time).replace(tzinfo=SHANGHAI) for user, _, time in USERS
    }
    assert Counter(row["city"] for row in users) == {"上海": 14, "北京": 13, None: 13}
    for word, relation in EVENTS.items():
        wanted = [
            (user, product, dt.datetime.fromisoformat(time).replace(tzinfo=SHANGHAI))
            for user, product, what, time in LOG
            if what == word
        ]
        got = [(row["source_id"], row["target_id"], row["at"]) for row in events[relation]]
        assert sorted(got) == sorted(wanted)
    rated = {(row["source_id"], row["target_id"]): row["stars"] for row in events["RATED"]}
    newest = {}
    for user, product, stars, time in RATINGS:
        old = newest.get((user, product), ("", 0.0))
        newest[user, product] = max(old, (time, 1 + 0.8 * int(stars)))
    assert rated == {pair: pytest.approx(stars) for pair, (_, stars) in newest.items()}
    made = {(row["source_id"], row["target_id"]) for row in events["MADE_BY"]}
    assert made == {(row[0], row[2]) for row in PRODUCTS if row[2]}
    tagged = {(row["source_id"], row["target_id"]) for row in events["TAGGED"]}
    assert tagged == {(row[0], tag) for row in PRODUCTS for tag in row[6].split("|") if tag}


def test_the_proposal_says_what_was_guessed_and_why(shop):
    proposal = propose_mapping(shop)
    lines = proposal.text.splitlines()
    assert "# Not guessed:" in lines
    assert "# VIEWED: '行为类型' is 浏览" in lines
    assert "# 评价.csv: 120 rows" in lines
    (stars,) = [line for line in lines if line.startswith("stars = ")]
    assert 'if 0 means no rating, write null_values = ["0"]' in stars
    assert any("a guess: the columns are Chinese" in line for line in lines)
    tables = tomllib.loads(proposal.text)["table"]
    assert len(tables) == proposal.num_tables
    assert {table["encoding"] for table in tables} == {"gb18030"}


def test_an_existing_mapping_is_replaced_only_on_request(shop, run):
    path = shop / "mapping.toml"
    path.write_text("# mine\n")
    refused = run("init", shop)
    assert refused.exit_code == 4
    assert says(refused.stderr, "exists already; read it with graphrec ingest, or replace it with")
    assert path.read_text() == "# mine\n"
    assert run("init", shop, "--mapping", shop / "other.toml").exit_code == 0
    assert path.read_text() == "# mine\n"
    done = run("init", shop, "--overwrite", "--json")
    assert json.loads(done.stdout) == {
        "mapping": str(path),
        "tables": propose_mapping(shop).num_tables,
        "questions": list(propose_mapping(shop).questions),
    }
    assert path.read_text("utf-8") == (shop / "other.toml").read_text("utf-8")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_export_with_the_names_of_the_schema_is_proposed_as_it_is(tmp_path, suffix):
    """The proposal reads what the file names say: the store is the same as without a mapping."""
    world = generate_world(WorldConfig(num_edges=400, seed=2))
    for of, table in (*world.nodes.items(), *world.edges.items()):
        if suffix == "parquet":
            pq.write_table(table, tmp_path / f"{of}.parquet")
        else:
            with (tmp_path / f"{of}.csv").open("wb") as file:
                pa.csv.write_csv(table, file)
    with open_store("duckdb:") as plain, open_store("duckdb:") as proposed:
        ingested(tmp_path, plain)
        (tmp_path / "mapping.toml").write_text(propose_mapping(tmp_path).text, "utf-8")
        report = ingested(tmp_path, proposed)
        assert report.rejected == 0
        assert dict(plain.counts()) == dict(proposed.counts())
        for node_type in ("User", "Product", "Creator"):
            names = ["created_at", SCHEMA.node_type(node_type).key]
            both = [
                one.read_nodes(node_type, columns=names).read_all() for one in (plain, proposed)
            ]
            assert both[0].sort_by(names[1]).equals(both[1].sort_by(names[1]))


def write(folder, **files):
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, "utf-8")


def table_of(folder, name):
    """The proposed tables of a node type, relation or edge type."""
    tables = tomllib.loads(propose_mapping(folder).text)["table"]
    return [table for table in tables if name in (table.get("node"), table.get("relation"))]


ROWS = [f"u{row % 7},p{row % 5}" for row in range(20)]
TIMES = [
    (lambda at: f"{at:%Y-%m-%d %H:%M:%S}", {"column": "when"}),
    (lambda at: f"{at:%d.%m.%Y %H:%M}", {"column": "when", "format": "%d.%m.%Y %H:%M"}),
    (lambda at: f"{at:%d/%m/%Y}", {"column": "when", "format": "%d/%m/%Y"}),
    (lambda at: f"{at:%m/%d/%Y}", {"column": "when", "format": "%m/%d/%Y"}),
    (lambda at: f"{at:%Y%m%d}", {"column": "when", "format": "%Y%m%d"}),
    (lambda at: f"{at:%Y年%m月%d日}", {"column": "when", "format": "%Y年%m月%d日"}),
    (lambda at: f"{at.timestamp():.0f}", {"column": "when", "unit": "s"}),
    (lambda at: f"{at.timestamp() * 1000:.0f}", {"column": "when", "unit": "ms"}),
]


@pytest.mark.parametrize(("written", "how"), TIMES)
def test_times_are_read_as_they_are_written(tmp_path, store, written, how):
    times = [
        dt.datetime(2025, 4, 3, 8, 20, tzinfo=dt.UTC) + dt.timedelta(days=row) for row in range(20)
    ]
    rows = [f"{row},{written(at)}" for row, at in zip(ROWS, times, strict=True)]
    write(tmp_path, views="\n".join(["customer,item,when", *rows]) + "\n")
    (table,) = table_of(tmp_path, "VIEWED")
    at = table["columns"]["at"]
    assert (at if isinstance(at, dict) else {"column": at}) == how
    (tmp_path / "mapping.toml").write_text(propose_mapping(tmp_path).text, "utf-8")
    assert ingested(tmp_path, store).rejected == 0
    found = store.read_edges(SCHEMA.edge_type("VIEWED"), columns=["at"]).read_all()["at"]
    assert sorted(at.date() for at in found.to_pylist()) == [at.date() for at in times]


EDGES = """
orders: order_id,user_id,sku,qty/1,a,x,1/2,a,y,2/3,b,x,1 -> PURCHASED user_id sku
clicks: uid,item_id,ts/a,x,2025-01-01/b,x,2025-01-02/a,y,2025-01-03 -> VIEWED uid item_id
plays: user,video,played_at/a,v,2025-01-01/a,w,2025-01-02 -> WATCHED user video
follows: user,author/a,k/b,k/a,l -> User-FOLLOWS-Creator user author
follows: user,brand/a,k/b,k/a,l -> User-FOLLOWS-Brand user brand
reviews: customerId,productId,stars/a,x,1/a,y,5/b,x,3 -> RATED customerId productId
made_by: src,dst/x,k/y,k -> MADE_BY src dst
also_bought: src,dst/x,y/y,x -> ALSO_BOUGHT src dst
Bestellungen: Kunde;Artikel;Menge;Datum/a;x;1;01.02.2025/a;y;2;13.02.2025 -> PURCHASED Kunde Artikel
videos: id,creator,title/v,k,A/w,k,B -> PUBLISHED creator id
"""


@pytest.mark.parametrize("line", EDGES.strip().splitlines())
def test_edges_are_recognised(tmp_path, store, line):
    """Each line: the file, its rows, and the relation with the columns of its ends."""
    (name, content), (relation, source, target) = (
        line.split(" -> ")[0].split(": "),
        line.split(" -> ")[1].split(),
    )
    write(tmp_path, **{name: content.replace("/", "\n") + "\n"})
    (table,) = table_of(tmp_path, relation)
    assert (table["columns"]["source_id"], table["columns"]["target_id"]) == (source, target)
    (tmp_path / "mapping.toml").write_text(propose_mapping(tmp_path).text, "utf-8")
    report = ingested(tmp_path, store)
    assert report.rejected == 0
    assert report.tables[-1].counts.added == content.count("/")


def test_ids_that_repeat_in_other_files_name_a_column_without_a_word(tmp_path):
    users = [f"k-{row:03}" for row in range(50)]
    write(
        tmp_path,
        customers="customer\n" + "".join(f"{user}\n" for user in users),
        log="who,item,date\n"
        + "".join(f"{user},p{row % 9},2025-01-02\n" for row, user in enumerate(users)),
    )
    (table,) = table_of(tmp_path, "PURCHASED")
    assert table["columns"]["source_id"] == "who"


def test_cents_and_status_and_nulls_and_lists(tmp_path, store):
    tags = [["red", "new"], ["red"], []]
    products = pa.table({"sku": ["a", "b", "c"], "price_cents": [995, 5, 100], "tags": tags})
    pq.write_table(products, tmp_path / "products.parquet")
    write(tmp_path, brands="brand_id,brand_name\n1,Leaf\n2,n/a\n")
    (product,) = table_of(tmp_path, "Product")
    assert product["columns"]["price"] == {"column": "price_cents", "scale": 0.01}
    (brand,) = table_of(tmp_path, "Brand")
    assert brand["null_values"] == ["n/a"]
    (tmp_path / "mapping.toml").write_text(propose_mapping(tmp_path).text, "utf-8")
    assert ingested(tmp_path, store).rejected == 0
    assert store.counts()[SCHEMA.edge_type("TAGGED")] == 3
    found = store.read_nodes("Product", columns=["price"]).read_all()["price"].to_pylist()
    assert sorted(found) == [0.05, 1.0, 9.95]


def test_words_of_a_status_that_are_unknown_are_named(tmp_path):
    write(tmp_path, products="sku,state\na,在售\nb,预售\nc,下架\n")
    lines = propose_mapping(tmp_path).text.splitlines()
    (line,) = [one for one in lines if one.startswith("status")]
    assert line.endswith("# add to the map: 预售")
    write(tmp_path, products="sku,state\na,7\nb,8\nc,9\n")
    (question,) = propose_mapping(tmp_path).questions
    assert "the values of 'state' (7, 8, 9) are none of active, out_of_stock" in question


def test_values_that_do_not_fit_are_not_proposed(tmp_path):
    write(tmp_path, products="sku,price\na,cheap\nb,dear\nc,3\n")
    proposal = propose_mapping(tmp_path)
    assert "price" not in table_of(tmp_path, "Product")[0]["columns"]
    assert (
        "'price' of products.csv is not read as price: price is cheap, not a number"
        in (proposal.questions[0])
    )


def test_files_with_the_same_columns_become_one_table(tmp_path):
    same = "order,user,item,date\n{},a,x,2025-01-02\n"
    write(tmp_path, **{f"orders-{year}": same.format(year) for year in (2024, 2025)})
    (table,) = table_of(tmp_path, "PURCHASED")
    assert table["file"] == "orders-*.csv"


def test_events_without_a_time_get_a_day_and_a_question(tmp_path, store):
    write(tmp_path, buys="user,item\na,x\na,x\nb,x\n")
    proposal = propose_mapping(tmp_path)
    assert "buys.csv has no times: all events get 2000-01-01" in proposal.questions
    (tmp_path / "mapping.toml").write_text(proposal.text, "utf-8")
    report = ingested(tmp_path, store)
    assert (report.rejected, report.tables[-1].counts.added, report.tables[-1].merged) == (0, 2, 1)


def test_folders_without_an_answer_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="there is no folder"):
        propose_mapping(tmp_path / "none")
    with pytest.raises(DataError, match="has no table files"):
        propose_mapping(tmp_path)
    write(tmp_path, weather="sun,rain\n1,2\n")
    with pytest.raises(DataError, match=r"weather.csv is left out: no use .* sun, rain; write a"):
        propose_mapping(tmp_path)


def test_a_file_that_cannot_be_read_is_left_out_and_named(tmp_path):
    write(tmp_path, users="user_id\na\n")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "empty.csv").write_text("user,item\n")
    questions = propose_mapping(tmp_path).questions
    assert any("broken.parquet" in one and "is not a readable Parquet" in one for one in questions)
    assert any("empty.csv is left out" in one and "has no rows" in one for one in questions)


def test_names_that_would_break_the_file_are_escaped(tmp_path):
    quoted = '"a ""b"" \\ # \n]id"'
    write(tmp_path, users=f"user_id,{quoted},city\na,1,x\n")
    tables = tomllib.loads(propose_mapping(tmp_path).text)["table"]
    assert tables[0]["columns"] == {"user_id": "user_id", "city": "city"}
    write(tmp_path, users='"user ""id"" \\ # "\na\n')
    (user,) = tomllib.loads(propose_mapping(tmp_path).text)["table"]
    assert user["columns"]["user_id"] == 'user "id" \\ # '
