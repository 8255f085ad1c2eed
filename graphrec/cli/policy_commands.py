"""`graphrec excluded`: why something does not come out."""

from dataclasses import asdict
from typing import Annotated

import typer

from graphrec.cli.node_names import parse_node
from graphrec.cli.opening import open_recommender
from graphrec.cli.output import JsonOption, console, print_json
from graphrec.cli.query_commands import BundleArgument, VerifyOption
from graphrec.cli.text import escape
from graphrec.query import Exclusion


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command()(excluded)


def excluded(
    bundle: BundleArgument,
    node: Annotated[str, typer.Argument(metavar="NODE", help="What to ask about, as TYPE:ID.")],
    policy: Annotated[str, typer.Option(metavar="FILE", help="Policy file (TOML).")],
    seed: Annotated[
        str | None,
        typer.Option("--for", metavar="NODE", help="Whom one would recommend it to, as TYPE:ID."),
    ] = None,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Say why a policy keeps a node from coming out.

    [bold]Examples[/bold]

    graphrec excluded BUNDLE Product:17 --policy policy.toml

    graphrec excluded BUNDLE Brand:9 --policy policy.toml --for User:42 --json
    """
    recommender = open_recommender(bundle, policy=policy, verify=verify)
    schema = recommender.bundle.schema
    node_type, node_id = parse_node(schema, node)
    whom = None if seed is None else parse_node(schema, seed)
    found = recommender.explain_exclusion(node_type, node_id, seed=whom)
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
