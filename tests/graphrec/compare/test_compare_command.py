"""`graphrec compare`."""

import json

from contracts.compared_world import vectors_of
from typer.testing import CliRunner

from graphrec import compare_releases
from graphrec.cli import build_app


def run(*arguments):
    result = CliRunner().invoke(build_app(), ["compare", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_tables(make):
    first = make("one")
    second = make("two", vectors=vectors_of(seed=1), config={"encoder": "other"})
    shown = run(first.folder, second.folder, "--users", 20, "--top-k", 5)
    for title in (
        "changed config",
        "figures",
        "nodes",
        "edges",
        "lists of 5 for the same queries",
        "who is shown",
        "drift of vectors after alignment",
    ):
        assert f"\n{title}" in shown
    (row,) = (
        line for line in shown.splitlines() if "User -> Product" in line and line.count("│") == 7
    )
    found = compare_releases(first, second, num_queries=20, k=5).lists[0]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == [
        "User -> Product",
        "20",
        f"{found.changed:.1%}",
        f"{found.members_changed:.1%}",
        f"{found.mean_overlap:.3f}",
        f"{found.mean_rbo:.3f}",
    ]


def test_what_is_not_compared_is_said(make):
    shown = run(make("one").folder, make("two", metrics={}).folder)
    assert "Figures are not compared: nothing was measured of B." in shown
    assert "\nfigures" not in shown and "changed config" not in shown
    shown = run(make("three").folder, make("four", snapshot_id="second").folder)
    assert "Note: they were measured on different snapshots with the same cut-off." in shown


def test_json(make):
    first, second = make("one"), make("two", vectors=vectors_of(seed=1))
    document = json.loads(run(first.folder, second.folder, "--seed", 3, "--json"))
    found = compare_releases(first, second, seed=3)
    assert document["lists"] == list(found.to_dict()["lists"])
    assert document["drift"][0]["moved_most"][0]["id"] == found.drift[0].moved_most[0].id
    assert document["a"]["created_at"] == first.manifest.created_at.isoformat()
