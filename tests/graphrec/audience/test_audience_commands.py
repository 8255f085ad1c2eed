import json

import pytest
from pages.messages import says
from typer.testing import CliRunner

from graphdb.errors import FileFormatError
from graphrec import Filters
from graphrec.cli import app as app_module
from graphrec.cli import build_app
from graphrec.cli.audience_commands import read_costs


@pytest.fixture
def run(monkeypatch, market):
    """Runs a command of graphrec on the market's bundle."""
    monkeypatch.setattr(app_module, "entry_points", lambda group: ())  # noqa: ARG005

    def call(command, *arguments):
        folder = market.bundle.folder
        return CliRunner().invoke(build_app(), [command, str(folder), *map(str, arguments)])

    return call


def read(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def ids(result):
    return tuple(one["id"] for one in read(result)["recommendations"])


def test_lookalike(run, market):
    asked = {"new_customers_only": True, "share": 0.2}
    assert ids(
        run("lookalike", "Brand:acme", "--new-customers-only", "--share", 0.2, "--json")
    ) == (market.users_for_brand("acme", **asked).ids)
    assert ids(run("lookalike", "product:pe", "-k", 3, "--json")) == ("e01", "e02", "e03")
    found = run("lookalike", "User:e01", "User:e03", "-k", 3, "--min-score", 0.5, "--json")
    assert ids(found) == ("e02", "e04", "e05")
    table = run("lookalike", "Brand:acme", "-k", 2)
    assert "Users like those of Brand:acme" in table.stdout
    assert "e02" in table.stdout
    assert "e03" not in table.stdout


def test_lookalike_under_a_policy(run, tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(
        'version = "1"\n[[block]]\ntype = "User"\nids = ["e01"]\nreason = "FRAUD"\n',
        encoding="utf-8",
    )
    assert ids(run("lookalike", "Brand:acme", "-k", 2, "--policy", path, "--json")) == (
        "e02",
        "e03",
    )


def test_curve(run, market):
    points = read(run("lookalike", "Brand:acme", "--curve", "--json"))["points"]
    assert points == [point.to_dict() for point in market.reach_curve("Brand", "acme")]
    table = run("lookalike", "Brand:acme", "--curve")
    assert "precision" in table.stdout
    assert "100%" in table.stdout


def test_filters_hold_for_audiences_and_creators(run, market):
    everyone = [
        one["id"] for one in read(run("lookalike", "Brand:acme", "--json"))["recommendations"]
    ]
    chosen, others = everyone[:2], everyone[2:]
    words = [word for one in chosen for word in ("-f", f"ids={one}")]
    found = read(run("lookalike", "Brand:acme", *words, "--json"))["recommendations"]
    assert [one["id"] for one in found] == chosen
    words = [word for one in chosen for word in ("--exclude", f"ids={one}")]
    found = read(run("lookalike", "Brand:acme", *words, "--json"))["recommendations"]
    assert [one["id"] for one in found][: len(others)] == others
    filters = Filters(exclude=Filters(ids=(others[0],)))
    expected = market.reach_curve("Brand", "acme", filters=filters)
    words = ("--exclude", f"ids={others[0]}")
    points = read(run("lookalike", "Brand:acme", "--curve", *words, "--json"))["points"]
    assert points == [point.to_dict() for point in expected]
    assert points[-1]["users"] < market.reach_curve("Brand", "acme")[-1].users
    found = read(run("portfolio", "Brand:acme", "-k", 1, "--exclude", "ids=cara", "--json"))
    assert [one["id"] for one in found["creators"]] == ["carl"]


def test_portfolio(run, market, tmp_path):
    assert read(run("portfolio", "Brand:acme", "-k", 2, "--json")) == (
        market.creator_portfolio("acme", k=2).to_dict()
    )
    costs = tmp_path / "costs.csv"
    costs.write_text("creator_id,cost\ncara,10\ncarl,1\n", encoding="utf-8")
    found = run("portfolio", "Brand:acme", "--budget", 5, "--costs", costs, "--json")
    assert [one["id"] for one in read(found)["creators"]] == ["carl"]
    table = run("portfolio", "Brand:acme", "-k", 1, "--new-customers-only")
    assert "Creators for Brand acme" in table.stdout
    assert "cara" in table.stdout
    nobody = run("portfolio", "Brand:acme", "--budget", 0.5, "--costs", costs)
    assert "No creator reaches anyone" in nobody.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["lookalike", "Brand:acme", "Brand:bolt"], 2, "one brand, one product, or users only"),
        (["lookalike", "Creator:cara"], 2, "one brand, one product, or users only"),
        (["lookalike", "User:e01", "--curve"], 2, "for a brand or product"),
        (["lookalike", "Brand:acme", "-k", 3, "--share", 0.1], 8, "at once"),
        (["portfolio", "User:e01", "-k", 3], 2, "is not a brand"),
        (["portfolio", "Brand:acme"], 8, "expected one of the two"),
        (["portfolio", "Brand:acme", "--budget", 3, "--costs", "none.csv"], 9, "does not exist"),
    ],
)
def test_wrong_commands(run, arguments, code, message):
    result = run(*arguments)
    assert result.exit_code == code
    assert says(result.stderr, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("creator_id,price\ncara,1\n", "cost"),
        ("creator_id,cost\ncara,much\n", "much"),
        ("creator_id,cost\ncara,\ncarl,1\n", "a cost is empty"),
        ("creator_id,cost\ncara,1\ncara,2\n", "duplicated"),
    ],
)
def test_wrong_costs(tmp_path, text, message):
    path = tmp_path / "costs.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileFormatError, match=f"is not a file of costs: .*{message}"):
        read_costs(path)


def test_ids_of_digits_stay_text(tmp_path):
    path = tmp_path / "costs.csv"
    path.write_text("cost,creator_id\n3,007\n", encoding="utf-8")
    assert read_costs(path) == {"007": 3.0}
