"""Filters and policies as typed on a command line; the market is drawn in contracts/market.py."""

import json
from datetime import UTC, datetime

import pytest
from pages.messages import says
from typer.testing import CliRunner

from graphrec import Filters, Recommender, Seen
from graphrec.cli import build_app

POLICY = """
version = "3"

[[block]]
type = "Brand"
ids = "b1"
reason = "FAKES"
note = "court order"
until = 2100-01-01T00:00:00Z

[[block]]
type = "Product"
ids = "p5"
reason = "RECALLED"
scope = ["User"]

[[own_block]]
user = "u2"
type = "Product"
ids = "p2"
"""


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def run(market):
    def call(command, *arguments):
        words = [command, market.folder, *arguments]
        return CliRunner().invoke(build_app(), list(map(str, words)))

    return call


def ids(result):
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["recommendations"]
    return " ".join(sorted(item["id"] for item in found))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-f shops=s1", "p0 p1 p3"),
        ("-f shops=s0 -f shops=s2", "p0 p2 p4 p5"),
        ("--filter status=active --exclude brands=b2", "p0 p3 p6"),
        ("-f in_stock=no", "p1 p3 p4"),
        ("-f price_max=2 -f ids=p3", "p3"),
        ("-f stock>=3 -f stock<=5", "p0 p1"),
        ("-f title=Red -f title=Bear", "p0 p4"),
        ("-f listed_since=1970-01-01T00:00:03Z", "p4 p5"),
        ("-f created_at<=1970-01-01", "p0 p1 p2 p3"),
        ("--category drinks --exclude categories=wine", "p2"),
        ("-t creators -f followers>=100", "c1"),
        ("-t brands -f private_label=yes", "b0"),
    ],
)
def test_filters(run, words, expected):
    everything = ("--include-seen", "--include-unsellable")
    result = run("recommend", "User:u2", "--json", *everything, *words.split())
    assert ids(result) == expected


def test_filters_of_similar(run):
    command = ("similar", "Product:p0", "--json", "-f", "tags=t0")
    assert ids(run(*command, "--include-unsellable")) == "p1 p4"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-f shops", "'shops' is not a filter; write FIELD=VALUE"),
        ("-f shop=s1", "'shop' is neither a filter nor in Product; did you mean 'shops'"),
        ("-f zzzz=s1", "'zzzz' is neither a filter nor in Product; there are ids, categories"),
        ("-f shops>=s1", "'shops' is neither a filter nor in Product"),
        ("-f in_stock=maybe", "'in_stock=maybe': 'maybe' is not yes or no"),
        ("-f stock>=many", "'many' is not a number (int)"),
        ("-f listed_since=soon", "'soon' is not a date such as 2026-11-01"),
        ("-f stock=3 -f stock>=2", "give either values of stock or a range, not both"),
    ],
)
def test_words_that_are_no_filters(run, words, message):
    result = run("recommend", "User:u2", *words.split())
    assert result.exit_code == 2
    assert says(result.stderr, message)


def test_a_policy_holds_and_is_told(run, policy):
    result = run("recommend", "User:u2", "--json", "--policy", policy)
    assert ids(result) == "p6"
    trace = json.loads(result.stdout)["trace"]
    assert trace["policy_version"] == "3"
    assert trace["excluded"] == {"FAKES": 4, "RECALLED": 1}
    assert ids(run("similar", "Product:p6", "--json", "--policy", policy)) == "p2 p5"


def test_excluded_says_why(run, policy):
    said = run("excluded", "Product:p3", "--policy", policy).stdout
    assert said == "FAKES: because of Brand b1; until 2100-01-01 00:00 UTC; court order\n"
    said = run("excluded", "Product:p5", "--policy", policy).stdout
    assert said == "RECALLED: because of Product p5; when recommending for User\n"
    assert run("excluded", "Product:p2", "--policy", policy).stdout == (
        "Product p2 is not excluded.\n"
    )
    found = run("excluded", "Product:p2", "--policy", policy, "--for", "User:u2", "--json")
    assert json.loads(found.stdout)["exclusions"] == [
        {
            "reason": "OWN_BLOCK",
            "because_of": ["User", "u2"],
            "note": "",
            "scope": [],
            "until": None,
        }
    ]


def test_a_wrong_policy_exits_with_its_line(run, policy):
    policy.write_text('version = "1"\n[[blok]]\n')
    result = run("recommend", "User:u2", "--policy", policy)
    assert result.exit_code == 4
    assert "policy.toml, line 2: unknown key 'blok'; did you mean 'block'" in result.stderr


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("--max-per-brand 1", {"max_per_brand": 1}),
        ("--max-per-category 1 --diversity 0.5", {"max_per_category": 1, "diversity": 0.5}),
        ("--seen VIEWED", {"exclude_seen": Seen(relations="VIEWED")}),
        ("--include-seen", {"exclude_seen": False}),
        ("--exclude-seen", {}),
        ("--price-min 2 --price-max 4", {"filters": Filters(price_min=2, price_max=4)}),
        (
            "--new-item-share 0.5 --new-item-days 2 --new-items-as-of 1970-01-02",
            {
                "new_item_share": 0.5,
                "new_item_days": 2,
                "new_items_as_of": datetime(1970, 1, 2, tzinfo=UTC),
            },
        ),
    ],
)
def test_what_a_list_should_be_like(run, market, words, options):
    expected = Recommender(market).products_for_user("u0", **options)
    assert json.loads(run("recommend", "User:u0", "--json", *words.split()).stdout)[
        "recommendations"
    ] == json.loads(json.dumps(expected.to_dicts(), default=lambda at: at.isoformat()))


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--include-seen --seen VIEWED", 2, "either --include-seen or --seen"),
        ("--value-weight 2", 2, "Invalid value for '--value-weight'"),
        ("--new-items-as-of soon", 2, "'soon' is not a date such as 2026-11-01"),
        ("--value-weight 0.5", 8, "has no quality for Product"),
        ("--seen-days 3", 8, "does not say when User-PURCHASED-Product happened"),
        ("--new-item-share 0.5", 8, "who is new cannot be told"),
    ],
)
def test_lists_that_cannot_be(run, words, code, message):
    result = run("recommend", "User:u0", *words.split())
    assert result.exit_code == code
    assert says(result.stderr, message)
