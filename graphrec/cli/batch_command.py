"""`graphrec batch`: answers for many seeds, as a Parquet file."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from graphdb.atomic import check_writable
from graphdb.errors import QueryError
from graphdb.schema_types import Schema
from graphrec.bulk import write_answers
from graphrec.cli.filter_options import (
    BrandOption,
    CategoryOption,
    FilterOption,
    MaxPriceOption,
    MinPriceOption,
    PolicyOption,
    WithoutOption,
    as_words,
    parse_filters,
)
from graphrec.cli.list_options import LevelsOption, PopularOption, UnsellableOption
from graphrec.cli.node_names import parse_node, parse_target, parse_type, read_lines
from graphrec.cli.opening import open_recommender
from graphrec.cli.output import JsonOption, console, print_json, warn
from graphrec.cli.progress import progress_bars
from graphrec.cli.query_commands import BundleArgument, TopOption, VerifyOption
from graphrec.cli.text import escape
from graphrec.query import Recommender


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command("batch")(batch_command)


def batch_command(
    bundle: BundleArgument,
    seeds: Annotated[
        str,
        typer.Argument(
            metavar="SEEDS",
            help="A type, such as users, for all of them; or a file, one TYPE:ID in a line.",
        ),
    ],
    output: Annotated[
        Path, typer.Argument(metavar="FILE", help="The Parquet file to write, or to replace.")
    ],
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="By default products for users, users for all else."),
    ] = None,
    top: TopOption = 10,
    category: CategoryOption = [],  # noqa: B006 - Typer's way to say a repeatable option
    brand: BrandOption = [],  # noqa: B006
    min_price: MinPriceOption = None,
    max_price: MaxPriceOption = None,
    filters: FilterOption = [],  # noqa: B006
    without: WithoutOption = [],  # noqa: B006
    policy: PolicyOption = None,
    include_seen: Annotated[
        bool,
        typer.Option("--include-seen", help="Also what a seed has had, such as purchases."),
    ] = False,
    levels: LevelsOption = "leaf",
    include_unsellable: UnsellableOption = False,
    popular: PopularOption = False,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Recommend for many seeds at once, into a Parquet file.

    The file has the columns seed_type, seed_id, rank, type, id, score, reasons and outcome. A
    seed that gets nothing has one row without rank and id, whose outcome says why: unknown_id,
    nothing_known or nothing_passed.

    [bold]Examples[/bold]

    graphrec batch BUNDLE users answers.parquet

    graphrec batch BUNDLE brands audiences.parquet --target users -k 100

    graphrec batch BUNDLE seeds.txt answers.parquet --policy policy.toml -f in_stock=yes
    """
    check_writable(output, QueryError)
    recommender = open_recommender(bundle, policy=policy, verify=verify)
    schema = recommender.bundle.schema
    seed_type, seed_ids = _seeds(recommender, seeds)
    target_type = parse_target(schema, target, seed_type)
    words = [*as_words(category, brand, min_price, max_price), *filters]
    with progress_bars() as bars:
        task = bars.add_task(f"{seed_type} nodes", total=len(seed_ids))
        report = write_answers(
            recommender,
            seed_type,
            seed_ids,
            target_type,
            output,
            on_progress=lambda done, _: bars.update(task, completed=done),
            k=top,
            filters=parse_filters(schema, target_type, words, without),
            exclude_seen=not include_seen,
            levels=levels,
            include_unsellable=include_unsellable,
            on_unknown="popular" if popular else "skip",
        )
    if report.unknown:
        warn(
            f"the bundle does not hold {report.unknown:,} of the {seed_type} nodes that were named"
        )
    if as_json:
        print_json(asdict(report))
        return
    console().print(
        f"{escape(report.path)}: {report.rows:,} answers for {report.seeds:,} {seed_type} nodes; "
        f"{report.empty:,} of them got none",
        soft_wrap=True,
    )


def _seeds(recommender: Recommender, text: str) -> tuple[str, list[str]]:
    """The type of the seeds and their ids."""
    schema: Schema = recommender.bundle.schema
    if not Path(text).is_file():
        seed_type = parse_type(schema, text)
        return seed_type, recommender.bundle.ids(seed_type).to_pylist()
    nodes = [parse_node(schema, line) for line in read_lines(Path(text))]
    types = {node_type for node_type, _ in nodes}
    if len(types) != 1:
        raise typer.BadParameter(
            f"'{text}' names {len(types)} types of nodes; expected seeds of one type",
            param_hint="SEEDS",
        )
    return types.pop(), [node_id for _, node_id in nodes]
