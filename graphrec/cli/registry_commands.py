"""Defines `graphrec promote`, `rollback` and `releases` for registries, and `graphrec excluded`.

`excluded` shows why a policy excludes a node from the results.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from graphrec.cli.options import parse_node
from graphrec.cli.output import JsonOption, console, escape, open_recommender, print_json
from graphrec.cli.query_commands import BundleArgument, VerifyOption
from graphrec.query import Exclusion
from graphrec.registry.registry import LEAST_KEPT, Registry, Switch
from graphrec.registry.repairing import Listed, Repair, Tenure


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(excluded)
    app.command()(promote)
    app.command()(rollback)
    app.command()(releases)
    app.command()(prune)


def excluded(
    bundle: BundleArgument,
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node to check, as TYPE:ID.")],
    policy: Annotated[str, typer.Option(metavar="FILE", help="A policy file (TOML).")],
    query: Annotated[
        str | None,
        typer.Option("--for", metavar="NODE", help="The node to recommend it to, as TYPE:ID."),
    ] = None,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Show why a policy excludes a node.

    [bold]Examples[/bold]

    graphrec excluded BUNDLE Product:17 --policy policy.toml

    graphrec excluded BUNDLE Brand:9 --policy policy.toml --for User:42 --json
    """
    recommender = open_recommender(bundle, policy=policy, verify=verify)
    schema = recommender.bundle.schema
    node_type, node_id = parse_node(schema, node)
    whom = None if query is None else parse_node(schema, query)
    found = recommender.explain_exclusion(node_type, node_id, query=whom)
    if as_json:
        print_json({"type": node_type, "id": node_id, "exclusions": [asdict(one) for one in found]})
        return
    for line in map(_line, found):
        console().print(escape(line), soft_wrap=True)
    if not found:
        console().print(escape(f"{node_type} {node_id} is not excluded."))


def _line(exclusion: Exclusion) -> str:
    parts = [
        f"{exclusion.reason}: because of {' '.join(exclusion.because_of)}",
        f"when recommending for {' or '.join(exclusion.scope)}" if exclusion.scope else "",
        f"until {exclusion.until:%Y-%m-%d %H:%M %Z}" if exclusion.until else "",
        exclusion.note,
    ]
    return "; ".join(filter(None, parts))


RegistryArgument = Annotated[str, typer.Argument(metavar="REGISTRY", help="A folder of releases.")]


def promote(
    registry: RegistryArgument,
    bundle_or_name: Annotated[
        str,
        typer.Argument(
            metavar="BUNDLE_OR_NAME", help="A bundle to copy into the registry, or a release in it."
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(help="The name of the release; by default its day and id."),
    ] = None,
    new_schema: Annotated[
        bool,
        typer.Option("--new-schema", help="Allow another schema than that of the current release."),
    ] = False,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Make a release the current one, which REGISTRY@current opens.

    A bundle is copied into the registry, checked, and then becomes current in one step. Programs
    that have the previous release open keep it until they call `reload`.

    [bold]Examples[/bold]

    graphrec promote REGISTRY runs/monday/bundle --name monday

    graphrec promote REGISTRY monday

    graphrec promote REGISTRY staging@current --json
    """
    switch = Registry(registry).promote(
        bundle_or_name, name=name, new_schema=new_schema, verify=verify
    )
    _tell(registry, switch, as_json=as_json)


def rollback(
    registry: RegistryArgument,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The release to go back to; by default the previous one."
        ),
    ] = None,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Make the previous release current again; repeat to go back further.

    [bold]Examples[/bold]

    graphrec rollback REGISTRY

    graphrec rollback REGISTRY --to monday
    """
    _tell(registry, Registry(registry).rollback(to=to, verify=verify), as_json=as_json)


def releases(
    registry: RegistryArgument,
    history: Annotated[
        bool, typer.Option("--history", help="Show which release was current when.")
    ] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Repair current.json and the history; the damaged files are kept beside them.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the releases of a registry, the newest first.

    [bold]Examples[/bold]

    graphrec releases REGISTRY

    graphrec releases REGISTRY --history --json

    graphrec releases REGISTRY --repair
    """
    opened = Registry(registry)
    repaired = opened.repair() if repair else None
    found, tenures = opened.releases(), opened.history()
    if as_json:
        print_json(
            {
                "registry": registry,
                "current": next((one.name for one in found if one.is_current), None),
                "releases": [asdict(one) for one in found],
                "history": [asdict(one) for one in tenures],
                **({} if repaired is None else {"repaired": asdict(repaired)}),
            }
        )
        return
    if repaired is not None:
        _tell_repair(repaired)
    console().print(_history_table(tenures) if history else _table(found))


def prune(
    registry: RegistryArgument,
    keep_last: Annotated[
        int,
        typer.Option(
            "--keep-last",
            min=LEAST_KEPT,
            help="How many releases stay: those that were current last.",
            show_default=False,
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Remove old releases of a registry; the current one and the one before it always stay.

    Reload processes that serve an old release first.

    [bold]Example[/bold]

    graphrec prune REGISTRY --keep-last 5
    """
    removed = Registry(registry).prune(keep_last)
    if as_json:
        print_json({"registry": registry, "removed": removed})
        return
    for name in removed:
        console().print(f"removed {escape(name)}", soft_wrap=True)
    if not removed:
        console().print("nothing to remove")


def _tell(registry: str, switch: Switch, *, as_json: bool) -> None:
    if as_json:
        print_json({"registry": registry, **asdict(switch), "changed": switch.changed})
    elif switch.changed:
        instead = f" in place of {escape(switch.before)}" if switch.before else ""
        console().print(f"[bold]{escape(switch.current)}[/bold] is current{instead}.")
    else:
        console().print(f"[bold]{escape(switch.current)}[/bold] was already current.")


def _tell_repair(repaired: Repair) -> None:
    if not repaired.set_aside and not repaired.lost:
        said = "nothing is damaged"
    else:
        said = f"{repaired.kept} promotions kept, {repaired.lost} lines lost"
        said += f"; {repaired.current or 'nothing'} is current"
    if repaired.set_aside:
        said += "; the old files are " + ", ".join(repaired.set_aside)
    console().print(escape(said), soft_wrap=True)


def _table(found: tuple[Listed, ...]) -> Table:
    table = Table(header_style="bold")
    for heading in ("", "name", "made", "snapshot", "cut-off", "metrics", "promoted"):
        table.add_column(heading)
    for one in found:
        metrics = one.problem or ", ".join(
            f"{name} {value:.4f}" for name, value in (one.metrics or {}).items()
        )
        table.add_row(
            "*" if one.is_current else "",
            escape(one.name),
            _time(one.created_at),
            escape((one.snapshot_id or "")[:12]),
            _time(one.cutoff),
            escape(metrics),
            _time(one.promoted_at),
        )
    return table


def _history_table(tenures: tuple[Tenure, ...]) -> Table:
    table = Table(header_style="bold")
    for heading in ("since", "until", "name", "release", "by"):
        table.add_column(heading)
    for one in tenures:
        until = _time(one.until) or "now"
        table.add_row(
            _time(one.since), until, escape(one.name), escape(one.release_id), escape(one.action)
        )
    return table


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
