"""`graphrec lookalike` and `graphrec portfolio`."""

from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.csv as csv
import typer
from rich.table import Table

from graphdb.errors import FileFormatError
from graphdb.file_access import pass_on_refusal
from graphrec.cli.options import (
    FilterOption,
    LanguageOption,
    PolicyOption,
    ReasonsOption,
    WithoutOption,
    parse_filters,
    parse_node,
)
from graphrec.cli.output import (
    JsonOption,
    console,
    escape,
    open_recommender,
    print_json,
    show,
    warn_of_skipped,
)
from graphrec.cli.query_commands import BundleArgument, VerifyOption
from graphrec.query.audience.curve import ReachCurve
from graphrec.query.audience.portfolio import Portfolio
from graphrec.query.limits import MOST_K
from graphrec.query.options import AudienceOptions

NewCustomersOption = Annotated[
    bool, typer.Option("--new-customers-only", help="Only users who never bought from it.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(lookalike)
    app.command()(portfolio)


def lookalike(
    bundle: BundleArgument,
    nodes: Annotated[
        list[str],
        typer.Argument(
            metavar="NODE...", help="A brand, a product, or some users, each as TYPE:ID."
        ),
    ],
    new_customers_only: NewCustomersOption = False,
    top: Annotated[
        int | None,
        typer.Option("--top-k", "-k", min=1, max=MOST_K, help="How many users; 10 by default."),
    ] = None,
    share: Annotated[
        float | None, typer.Option(min=0, max=1, help="How many users, as a share of all.")
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="The lowest score: a probability to buy, 0 to 1, if the bundle was trained with a "
            "holdout; otherwise, and for users, a similarity."
        ),
    ] = None,
    curve: Annotated[
        bool,
        typer.Option(
            "--curve",
            help="Instead, show what audiences of each size reached in the held-out days.",
        ),
    ] = False,
    filters: FilterOption = [],  # noqa: B006 - Typer's way to say a repeatable option
    without: WithoutOption = [],  # noqa: B006
    policy: PolicyOption = None,
    reasons: ReasonsOption = True,
    language: LanguageOption = "en",
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Find users similar to the buyers of a brand or product, or similar to some users.

    The score is the probability that a user buys within as many days as training held out. Without
    a holdout, and for a list of users, it is a similarity: standard deviations above the average
    user. [bold]--curve[/bold] shows, by size, what audiences of brands or products with about as
    many buyers reached in the held-out days.

    [bold]Examples[/bold]

    graphrec lookalike BUNDLE Brand:109 --new-customers-only --share 0.01

    graphrec lookalike BUNDLE Product:1082185 -k 50 --min-score 0.05 --json

    graphrec lookalike BUNDLE User:42 User:543 -k 20

    graphrec lookalike BUNDLE Brand:109 -f city=Graz --exclude age_band=65+

    graphrec lookalike BUNDLE Brand:109 --curve
    """
    recommender = open_recommender(bundle, policy=policy, verify=verify)
    schema = recommender.bundle.schema
    ends = [parse_node(schema, node) for node in nodes]
    types = {node_type for node_type, _ in ends}
    node_type, node_id = ends[0]
    if types != {"User"} and (len(ends) > 1 or node_type not in ("Brand", "Product")):
        raise typer.BadParameter("name one brand, one product, or users only", param_hint="NODE")
    if curve and types == {"User"}:
        raise typer.BadParameter("a curve is drawn for a brand or product", param_hint="--curve")
    passing = parse_filters(schema, "User", filters, without)
    if curve:
        found = recommender.reach_curve(node_type, node_id, filters=passing)
        _show_curve(found, nodes[0], as_json=as_json)
        return
    options: AudienceOptions = {
        "min_score": min_score,
        "share": share,
        "filters": passing,
        "reasons": reasons,
        "language": language,
    }
    if top is not None:
        options["k"] = top
    if types == {"User"}:
        users = [user_id for _, user_id in ends]
        answer = recommender.users_like(users, new_customers_only=True, **options)
    else:
        ask = {"Brand": recommender.users_for_brand, "Product": recommender.users_for_product}
        answer = ask[node_type](node_id, new_customers_only=new_customers_only, **options)
    show(answer, f"Users like those of {', '.join(nodes)}", as_json=as_json)


def portfolio(
    bundle: BundleArgument,
    brand: Annotated[str, typer.Argument(metavar="BRAND", help="The brand, as Brand:ID.")],
    top: Annotated[
        int | None, typer.Option("--top-k", "-k", min=1, max=MOST_K, help="How many creators.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="The most that all creators may cost together.")
    ] = None,
    costs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A CSV file with the columns creator_id and cost."),
    ] = None,
    new_customers_only: NewCustomersOption = False,
    exclude_seen: Annotated[
        bool,
        typer.Option(
            "--exclude-seen/--include-seen",
            help="Exclude creators who already promote the brand, or include them.",
        ),
    ] = True,
    filters: FilterOption = [],  # noqa: B006
    without: WithoutOption = [],  # noqa: B006
    policy: PolicyOption = None,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Choose the creators who together reach the most likely buyers of a brand.

    [bold]Examples[/bold]

    graphrec portfolio BUNDLE Brand:9 -k 5

    graphrec portfolio BUNDLE Brand:9 --budget 20000 --costs costs.csv --new-customers-only

    graphrec portfolio BUNDLE Brand:9 -k 5 -f 'followers<=100000'
    """
    recommender = open_recommender(bundle, policy=policy, verify=verify)
    schema = recommender.bundle.schema
    node_type, brand_id = parse_node(schema, brand)
    if node_type != "Brand":
        raise typer.BadParameter(f"'{brand}' is not a brand; write Brand:ID", param_hint="BRAND")
    found = recommender.creator_portfolio(
        brand_id,
        k=top,
        budget=budget,
        costs=None if costs is None else read_costs(costs),
        new_customers_only=new_customers_only,
        exclude_seen=exclude_seen,
        filters=parse_filters(schema, "Creator", filters, without),
    )
    _show_portfolio(found, as_json=as_json)


def read_costs(path: Path) -> dict[str, float]:
    """Reads the cost of each creator.

    Raises:
        FileFormatError: It is not a CSV file with these columns.
        FileAccessError: The system refuses to read it.
    """
    columns = {"creator_id": pa.string(), "cost": pa.float64()}
    try:
        table = csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=columns))
        ids, costs = (table[name].to_pylist() for name in columns)
    except (OSError, KeyError, pa.ArrowInvalid) as error:
        pass_on_refusal(error, path)
        raise _no_costs(path, str(error)) from error
    if None in costs or len(set(ids)) < len(ids):
        raise _no_costs(path, "a cost is empty, or a creator is duplicated")
    return dict(zip(ids, costs, strict=True))


def _no_costs(path: Path, problem: str) -> FileFormatError:
    return FileFormatError(
        f"'{path}' is not a file of costs: {problem}",
        expected="a CSV file with the columns creator_id and cost",
        value=str(path),
    )


def _show_curve(curve: ReachCurve, name: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"query": name, **curve.to_dict()})
        return
    band = curve.band
    table = Table(
        title=escape(f"New buyers of {name} within {curve.window_days} days, by size of audience"),
        title_justify="left",
        header_style="bold",
        caption=f"Lift with 95 % interval: of {band.num_queries:,} with {band.fewest:,} to "
        f"{band.most:,} buyers, {band.num_new_buyers:,} new buyers in the held-out days",
    )
    for heading in ("share", "users", "min score", "expected", "precision", "recall", "lift"):
        table.add_column(heading, justify="right")
    for point in curve:
        table.add_row(
            f"{point.share:.0%}",
            f"{point.users:,}",
            f"{point.min_score:.4f}",
            f"{point.expected:,.1f}",
            f"{point.precision:.2%}",
            f"{point.recall:.1%}",
            f"{point.lift:.2f} ({point.low:.2f} to {point.high:.2f})",
        )
    console().print(table)


def _show_portfolio(found: Portfolio, *, as_json: bool) -> None:
    warn_of_skipped(found.trace.skipped)
    if as_json:
        print_json(found.to_dict())
        return
    if not found.picks:
        console().print("No creator reaches anyone, after filters and what was seen.")
        return
    table = Table(
        title=escape(f"Creators for Brand {found.brand_id}, by added reach"),
        title_justify="left",
        header_style="bold",
        caption=f"They reach {found.reach:,.2f} {_whom(found)}; no such set reaches more than "
        f"{found.bound:,.2f}",
    )
    for heading in ("#", "id", "name", "adds", "together", "cost", "score"):
        table.add_column(heading, justify="left" if heading in ("id", "name") else "right")
    for pick in found.picks:
        table.add_row(
            str(pick.creator.rank),
            escape(pick.creator.id),
            escape(str(pick.creator.fields.get("name", ""))),
            f"{pick.gain:,.2f}",
            f"{pick.reach:,.2f}",
            "" if pick.cost is None else f"{pick.cost:,.2f}",
            f"{pick.creator.score:.4g}",
        )
    console().print(table)


def _whom(found: Portfolio) -> str:
    if found.window_days is None:
        return "by similarity to the buyers"
    return f"of those who buy within {found.window_days} days"
