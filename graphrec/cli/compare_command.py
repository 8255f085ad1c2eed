"""`graphrec compare`."""

from collections.abc import Iterable, Mapping
from typing import Annotated

import typer
from rich.table import Table

from graphrec.cli.output import JsonOption, console, escape, print_json
from graphrec.cli.query_commands import VerifyOption
from graphrec.compare import Comparison, compare_releases
from graphrec.compare.comparison import Turnover
from graphrec.compare.drift import Drift
from graphrec.compare.lists import ListChange

Row = tuple[str, ...]


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command("compare")(compare)


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A bundle or REGISTRY@NAME.")],
    b: Annotated[
        str, typer.Argument(metavar="B", help="The bundle or release to compare with it.")
    ],
    users: Annotated[
        int, typer.Option(min=1, help="How many query nodes of each type to sample.")
    ] = 1000,
    k: Annotated[int, typer.Option("--top-k", "-k", min=1, help="The length of their lists.")] = 10,
    new_item_days: Annotated[
        float, typer.Option(min=0, help="Items listed within this many days are new.")
    ] = 30.0,
    seed: Annotated[int, typer.Option(min=0, help="The random seed of the sample.")] = 0,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Show what changed between two releases.

    This covers settings and metrics, added and removed nodes and edges, the lists for the same
    query nodes, the exposure in these lists, and how far vectors moved. docs/releases.md explains
    the output.

    [bold]Examples[/bold]

    graphrec compare REGISTRY@current runs/tuesday/bundle

    graphrec compare REGISTRY@monday REGISTRY@tuesday --users 5000 --top-k 20 --json
    """
    found = compare_releases(
        a, b, num_queries=users, k=k, new_item_days=new_item_days, seed=seed, verify=verify
    )
    if as_json:
        print_json(found.to_dict())
    else:
        _show(found, k)


def _show(found: Comparison, k: int) -> None:
    screen = console()
    for name, side in (("A", found.a), ("B", found.b)):
        made = f"made {side.created_at:%Y-%m-%d %H:%M} of snapshot {side.snapshot_id[:12]}"
        screen.print(escape(f"{name}  {side.folder}  {side.release_id}  {made}"), soft_wrap=True)
    if found.schema_changed:
        screen.print("Their graph schemas differ.")
    if found.figures.note:
        note = f"Figures are not compared: {found.figures.note}."
        screen.print(escape(f"Note: {found.figures.note}." if found.figures.comparable else note))
    for table in _tables(found, k):
        screen.print(table)


def _tables(found: Comparison, k: int) -> Iterable[Table]:
    """Returns the nonempty tables."""
    settings = [(one.name, str(one.in_a), str(one.in_b)) for one in found.settings]
    yield from _table("changed config", ("setting", "A", "B"), settings)
    figures = [
        (one.name, f"{one.in_a:.4f}", f"{one.in_b:.4f}", f"{one.in_b - one.in_a:+.4f}")
        for one in found.figures.figures
    ]
    yield from _table("figures", ("figure", "A", "B", "difference"), figures)
    counts = ("A", "B", "came", "went")
    yield from _table("nodes", ("type", *counts), _turnover(found.nodes))
    yield from _table("edges", ("type", *counts), _turnover(found.edges))
    headings = (
        "direction",
        "queries",
        "changed",
        "other members",
        "overlap",
        "rank-biased overlap",
    )
    yield from _table(f"lists of {k} for the same queries", headings, map(_lists, found.lists))
    measures = ("coverage A", "B", "Gini A", "B", "new items A", "B", "of all targets")
    yield from _table("who is shown", ("direction", *measures), map(_shown, found.lists))
    headings = ("type", "nodes", "mean cosine", "by chance", "length B / A", "moved most (cosine)")
    title = "drift of vectors after alignment"
    yield from _table(title, headings, map(_vectors, found.drift))


def _lists(one: ListChange) -> Row:
    return (
        one.name,
        f"{one.num_queries:,}",
        f"{one.changed:.1%}",
        f"{one.members_changed:.1%}",
        f"{one.mean_overlap:.3f}",
        f"{one.mean_rbo:.3f}",
    )


def _shown(one: ListChange) -> Row:
    in_a, in_b = one.exposure_a, one.exposure_b
    return (
        one.name,
        f"{in_a.coverage:.1%}",
        f"{in_b.coverage:.1%}",
        f"{in_a.gini:.3f}",
        f"{in_b.gini:.3f}",
        f"{in_a.new_items:.2%}",
        f"{in_b.new_items:.2%}",
        f"{one.new_items:.2%}",
    )


def _vectors(one: Drift) -> Row:
    return (
        one.node_type,
        f"{one.num_nodes:,}",
        f"{one.mean_cosine:.4f}",
        f"{one.by_chance:.4f}",
        f"{one.length_ratio:.3f}",
        ", ".join(f"{node.name} ({node.cosine:.2f})" for node in one.moved_most),
    )


def _turnover(found: Mapping[str, Turnover]) -> list[Row]:
    return [
        (name, *(f"{count:,}" for count in (one.in_a, one.in_b, one.came, one.went)))
        for name, one in found.items()
    ]


def _table(title: str, headings: Row, rows: Iterable[Row]) -> Iterable[Table]:
    """Returns a table, or none without rows."""
    shown = list(rows)
    if not shown:
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for position, heading in enumerate(headings):
        is_text = position == 0 or title.startswith("settings") or heading.startswith("moved")
        table.add_column(heading, justify="left" if is_text else "right")
    for row in shown:
        table.add_row(*map(escape, row))
    yield table
