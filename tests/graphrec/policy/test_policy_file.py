"""Policies as files: what is read, and what is refused by line."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphrec import Block, Licence, OwnBlock, Policy, PolicyError, Recommender, read_policy

WHOLE = """
version = "2026-11-24.3"
own_blocks_file = "own.csv"

[[block]]
type = "Product"
ids = ["p17", "p18"]
reason = "RECALLED"
note = "batch 9"
until = 2027-01-01T00:00:00Z

[[block]]
type = "Product"
ids_file = "fakes.parquet"
reason = "FAKE"
scope = ["User"]

[[block]]
type = "Product"
where = { status = "withdrawn", price = { max = 2 } }
reason = "WITHDRAWN"

[[licence]]
categories = ["wine"]
holders = { Shop = ["s1"], Creator = ["c3"] }

[[own_block]]
user = "u1"
type = "Brand"
ids = ["b9"]
"""


@pytest.fixture
def write(tmp_path):
    def write(text, **tables):
        for name, columns in tables.items():
            pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
        (tmp_path / "policy.toml").write_text(text)
        return tmp_path / "policy.toml"

    return write


def test_a_whole_policy(write, tmp_path):
    (tmp_path / "own.csv").write_text("user,id,type\nu2,c1,Creator\nu3,p5,Product\n")
    policy = read_policy(write(WHOLE, fakes={"id": ["p5", "p6"], "seen_by": ["x", "y"]}))
    assert policy == Policy(
        version="2026-11-24.3",
        blocks=[
            Block(
                type="Product",
                ids=["p17", "p18"],
                reason="RECALLED",
                note="batch 9",
                until=datetime(2027, 1, 1, tzinfo=UTC),
            ),
            Block(type="Product", ids=["p5", "p6"], reason="FAKE", scope="User"),
            Block(
                type="Product",
                where={"status": "withdrawn", "price": {"max": 2}},
                reason="WITHDRAWN",
            ),
        ],
        licences=[Licence(categories="wine", holders={"Shop": "s1", "Creator": "c3"})],
        own_blocks=[
            OwnBlock(user="u1", type="Brand", ids="b9"),
            OwnBlock(user="u2", type="Creator", ids="c1"),
            OwnBlock(user="u3", type="Product", ids="p5"),
        ],
    )


def test_a_recommender_takes_the_file(write, market):
    path = write('version = "1"\n[[block]]\ntype = "Product"\nids = "p2"\nreason = "RECALLED"\n')
    recommender = Recommender.open(market.folder, policy=path)
    assert "p2" not in recommender.products_for_user("u2").ids
    recommender.set_policy(None)
    assert "p2" in recommender.products_for_user("u2").ids
    recommender.set_policy(path)
    assert "p2" not in recommender.products_for_user("u2").ids


BLOCK = 'version = "1"\n[[block]]\ntype = "Product"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = ", r"policy.toml is not valid TOML"),
        ("", r"policy.toml, line 1: 'version': Field required"),
        ('version = "1"\n[[blocks]]\n', r"line 2: unknown key 'blocks'; did you mean 'block'"),
        (BLOCK + 'ids = "p1"\n', r"line 2: 'block.0.reason': Field required"),
        (BLOCK + 'ids = "p1"\nreason = "no"\n', r"line 5: 'block.0.reason': String should match"),
        (BLOCK + 'reason = "X"\n', r"line 2: 'block.0'.*give one of ids, ids_file, where"),
        (BLOCK + 'ids = []\nreason = "X"\n', r"line 2: 'block.0'.*not an empty one"),
        (BLOCK + 'ids = "p1"\nids_file = "x"\nreason = "X"\n', r"give one of ids"),
        (BLOCK + 'ids = [1]\nreason = "X"\n', r"line 4: 'block.0.ids.0': Input should be a valid"),
        (BLOCK + 'ids = "p"\nreason = "X"\nresaon = 1\n', r"line 6: unknown key 'resaon'; did you"),
        (BLOCK + 'ids = "p"\nreason = "X"\nuntil = 2027-01-01T00:00:00\n', r"line 6: .*timezone"),
        (
            BLOCK + 'ids = "p"\nreason = "X"\nsince = 2027-01-02T00:00:00Z\n'
            "until = 2027-01-01T00:00:00Z\n",
            r"line 2: 'block.0'.*'since' .* is not before 'until'",
        ),
        (BLOCK + 'ids_file = "none.csv"\nreason = "X"\n', r"there is no file '.*none.csv'"),
        (BLOCK + 'ids_file = "odd.parquet"\nreason = "X"\n', r"odd.parquet' has no column 'id'"),
        (BLOCK + 'ids_file = "gap.parquet"\nreason = "X"\n', r"gap.parquet', row 2 has no id"),
        (BLOCK + 'ids_file = "bad.csv"\nreason = "X"\n', r"bad.csv', row 2: it has 2 cells"),
        (BLOCK + 'where = { price = {} }\nreason = "X"\n', r"line 4: .*give a value, a list"),
        ('version = "1"\n[[licence]]\ncategories = "wine"\n', r"'licence.0.holders': Field req"),
        (
            'version = "1"\n[[licence]]\ncategories = "w"\nholders = { Shp = "s" }\n',
            r"line 4: .*Input should be 'Shop', 'Brand' or 'Creator'",
        ),
        ('version = "1"\n[[own_block]]\nuser = "u"\ntype = "Brand"\nids = []\n', r"at least 1"),
    ],
)
def test_bad_files_are_refused_whole(write, tmp_path, text, message):
    (tmp_path / "bad.csv").write_text("id\np1\np2,p3\n")
    path = write(text, odd={"product": ["p1"]}, gap={"id": ["p1", None]})
    with pytest.raises(PolicyError, match=message):
        read_policy(path)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(PolicyError, match=r"none.toml' does not exist"):
        read_policy(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Block(type="Product", reason="X"), "'Block'.*give one of ids, where"),
        (lambda: Block(type="Product", ids="p", reason="low"), "'reason': String should match"),
        (lambda: Licence(categories=(), holders={"Shop": "s"}), "'categories': Tuple should have"),
        (lambda: OwnBlock(user="u", type="Brand", ids=()), "'ids': Tuple should have at least 1"),
        (lambda: Policy(version=""), "'version': String should have at least 1"),
        (lambda: Policy(version="1", block=[]), "'block': Extra inputs are not permitted"),
    ],
)
def test_rules_made_in_code_are_checked_too(make, message):
    with pytest.raises(PolicyError, match=message):
        make()
