"""Defines the commands `graphrec recommend`, `graphrec similar` and `graphrec batch`.

`batch` recommends for many query nodes and writes a Parquet file.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from graphdb.atomic import check_writable
from graphdb.checked_schema import Schema
from graphdb.errors import QueryError
from graphrec.bulk import write_answers
from graphrec.cli.options import (
    BrandOption,
    CategoryOption,
    DiversityOption,
    EventOption,
    ExcludeSeenOption,
    FilterOption,
    HabitsAsOfOption,
    HalfLifeOption,
    LanguageOption,
    LevelsOption,
    MaxPerBrandOption,
    MaxPerCategoryOption,
    MaxPerCreatorOption,
    NewItemDaysOption,
    NewItemsAsOfOption,
    NewItemShareOption,
    OnUnknownOption,
    PolicyOption,
    PriceMaxOption,
    PriceMinOption,
    ReasonsOption,
    RepeatShareOption,
    RepeatsOption,
    SeenDaysOption,
    SeenOption,
    UnsellableOption,
    ValueWeightOption,
    WithoutOption,
    as_seen,
    as_words,
    parse_events,
    parse_filters,
    parse_node,
    parse_target,
    parse_type,
    read_lines,
)
from graphrec.cli.output import (
    JsonOption,
    console,
    escape,
    open_recommender,
    print_json,
    show,
    warn,
)
from graphrec.cli.progress import progress_bars
from graphrec.query import Recommender
from graphrec.query.limits import MOST_K
from graphrec.query.options import Options

BundleArgument = Annotated[
    str,
    typer.Argument(
        metavar="BUNDLE",
        help="A folder that `graphrec train` wrote, or a release: REGISTRY@current, REGISTRY@NAME.",
    ),
]
TopOption = Annotated[
    int, typer.Option("--top-k", "-k", min=1, max=MOST_K, help="How many results to show.")
]
VerifyOption = Annotated[
    bool, typer.Option("--verify/--no-verify", help="Check the file hashes of the bundle first.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(recommend)
    app.command()(similar)
    app.command("batch")(batch_command)


def recommend(
    bundle: BundleArgument,
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY", help="The node to recommend for, as TYPE:ID.", show_default=False
        ),
    ] = None,
    event: EventOption = [],  # noqa: B006 - Typer's way to say a repeatable option
    half_life_days: HalfLifeOption = 30.0,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            help="The node type to recommend, such as products, brands or users. "
            "By default products for a user, users for the rest.",
        ),
    ] = None,
    top: TopOption = 10,
    category: CategoryOption = [],  # noqa: B006
    brand: BrandOption = [],  # noqa: B006
    price_min: PriceMinOption = None,
    price_max: PriceMaxOption = None,
    filters: FilterOption = [],  # noqa: B006
    without: WithoutOption = [],  # noqa: B006
    policy: PolicyOption = None,
    exclude_seen: ExcludeSeenOption = True,
    seen: SeenOption = [],  # noqa: B006
    seen_days: SeenDaysOption = None,
    repeats: RepeatsOption = "exclude",
    repeat_share: RepeatShareOption = None,
    habits_as_of: HabitsAsOfOption = None,
    value_weight: ValueWeightOption = 0.0,
    new_item_share: NewItemShareOption = 0.0,
    new_item_days: NewItemDaysOption = 30.0,
    new_items_as_of: NewItemsAsOfOption = None,
    diversity: DiversityOption = 0.0,
    max_per_brand: MaxPerBrandOption = None,
    max_per_category: MaxPerCategoryOption = None,
    max_per_creator: MaxPerCreatorOption = None,
    levels: LevelsOption = "leaf",
    include_unsellable: UnsellableOption = False,
    reasons: ReasonsOption = True,
    language: LanguageOption = "en",
    on_unknown: OnUnknownOption = "error",
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Recommend nodes for a node of another type, or for an unknown user with recent events.

    [bold]Examples[/bold]

    graphrec recommend BUNDLE User:42

    graphrec recommend BUNDLE User:42 --category Yogurt --price-max 5

    graphrec recommend BUNDLE User:42 --target brands -k 5

    graphrec recommend BUNDLE User:42 --repeats only

    graphrec recommend BUNDLE Brand:109 --target users --include-seen

    graphrec recommend BUNDLE Product:7 --target creators -f 'followers>=1000' --policy policy.toml

    graphrec recommend BUNDLE User:42 --exclude shops=s1 -f in_stock=yes --json

    graphrec recommend BUNDLE User:42 --value-weight 0.5 --new-item-share 0.2 --max-per-brand 2

    graphrec recommend BUNDLE --event PURCHASED:7 --event VIEWED:9@2026-11-01

    graphrec recommend BUNDLE User:42 --event PURCHASED:7
    """
    recommender = open_recommender(bundle, policy=policy, verify=verify)
    schema = recommender.bundle.schema
    events = parse_events(event)
    alone = bool(events) and query is None
    query_type, query_id = ("User", "") if alone else parse_node(schema, _the_node(query))
    target_type = parse_target(schema, target, query_type)
    words = as_words(category, brand, price_min, price_max)
    options: Options = {
        "k": top,
        "filters": parse_filters(schema, target_type, [*words, *filters], without),
        "exclude_seen": as_seen(exclude_seen, seen, seen_days),
        "repeats": repeats,
        "repeat_share": repeat_share,
        "habits_as_of": habits_as_of,
        "value_weight": value_weight,
        "new_item_share": new_item_share,
        "new_item_days": new_item_days,
        "new_items_as_of": new_items_as_of,
        "diversity": diversity,
        "max_per_brand": max_per_brand,
        "max_per_category": max_per_category,
        "max_per_creator": max_per_creator,
        "levels": levels,
        "include_unsellable": include_unsellable,
        "reasons": reasons,
        "language": language,
        "on_unknown": on_unknown,
    }
    if alone:
        answer = recommender.recommend_for_events(
            events, target_type, half_life_days=half_life_days, **options
        )
        show(answer, f"{target_type} for someone with {len(events)} events", as_json=as_json)
        return
    answer = recommender.recommend(
        query_type, query_id, target_type, recent_events=events, **options
    )
    show(answer, f"{target_type} for {query_type} {query_id}", as_json=as_json)


def _the_node(query: str | None) -> str:
    if query is None:
        raise typer.BadParameter("name a QUERY as TYPE:ID, or give --event", param_hint="QUERY")
    return query


def similar(
    bundle: BundleArgument,
    node: Annotated[
        str, typer.Argument(metavar="NODE", help="The node to find similar ones for, as TYPE:ID.")
    ],
    top: TopOption = 10,
    category: CategoryOption = [],  # noqa: B006
    brand: BrandOption = [],  # noqa: B006
    price_min: PriceMinOption = None,
    price_max: PriceMaxOption = None,
    filters: FilterOption = [],  # noqa: B006
    without: WithoutOption = [],  # noqa: B006
    policy: PolicyOption = None,
    new_item_share: NewItemShareOption = 0.0,
    new_item_days: NewItemDaysOption = 30.0,
    new_items_as_of: NewItemsAsOfOption = None,
    diversity: DiversityOption = 0.0,
    max_per_brand: MaxPerBrandOption = None,
    max_per_category: MaxPerCategoryOption = None,
    max_per_creator: MaxPerCreatorOption = None,
    levels: LevelsOption = "leaf",
    include_unsellable: UnsellableOption = False,
    reasons: ReasonsOption = True,
    language: LanguageOption = "en",
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Find the nodes that are most similar to a node.

    [bold]Examples[/bold]

    graphrec similar BUNDLE Product:1082185

    graphrec similar BUNDLE Product:1082185 --price-max 2 -k 5 --max-per-brand 1

    graphrec similar BUNDLE Brand:109 --json
    """
    recommender = open_recommender(bundle, policy=policy, verify=verify)
    schema = recommender.bundle.schema
    node_type, node_id = parse_node(schema, node)
    words = [*as_words(category, brand, price_min, price_max), *filters]
    answer = recommender.similar(
        node_type,
        node_id,
        k=top,
        filters=parse_filters(schema, node_type, words, without),
        new_item_share=new_item_share,
        new_item_days=new_item_days,
        new_items_as_of=new_items_as_of,
        diversity=diversity,
        max_per_brand=max_per_brand,
        max_per_category=max_per_category,
        max_per_creator=max_per_creator,
        levels=levels,
        include_unsellable=include_unsellable,
        reasons=reasons,
        language=language,
    )
    show(answer, f"{node_type} like {node_type} {node_id}", as_json=as_json)


def batch_command(
    bundle: BundleArgument,
    queries: Annotated[
        str,
        typer.Argument(
            metavar="QUERIES",
            help="A type, such as users, for all its nodes; or a file with one TYPE:ID per line.",
        ),
    ],
    output: Annotated[
        Path, typer.Argument(metavar="FILE", help="The Parquet file to write or replace.")
    ],
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="By default products for users, users for the rest."),
    ] = None,
    top: TopOption = 10,
    category: CategoryOption = [],  # noqa: B006 - Typer's way to say a repeatable option
    brand: BrandOption = [],  # noqa: B006
    price_min: PriceMinOption = None,
    price_max: PriceMaxOption = None,
    filters: FilterOption = [],  # noqa: B006
    without: WithoutOption = [],  # noqa: B006
    policy: PolicyOption = None,
    exclude_seen: ExcludeSeenOption = True,
    seen: SeenOption = [],  # noqa: B006
    seen_days: SeenDaysOption = None,
    repeats: RepeatsOption = "exclude",
    repeat_share: RepeatShareOption = None,
    habits_as_of: HabitsAsOfOption = None,
    value_weight: ValueWeightOption = 0.0,
    new_item_share: NewItemShareOption = 0.0,
    new_item_days: NewItemDaysOption = 30.0,
    new_items_as_of: NewItemsAsOfOption = None,
    diversity: DiversityOption = 0.0,
    max_per_brand: MaxPerBrandOption = None,
    max_per_category: MaxPerCategoryOption = None,
    max_per_creator: MaxPerCreatorOption = None,
    levels: LevelsOption = "leaf",
    include_unsellable: UnsellableOption = False,
    reasons: ReasonsOption = True,
    language: LanguageOption = "en",
    on_unknown: OnUnknownOption = "skip",
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Recommend for many query nodes at once and write a Parquet file.

    The file has the columns query_type, query_id, rank, type, id, score, reasons and outcome. A
    query node that gets no results has one row without rank and id, whose outcome says why:
    unknown_id, nothing_known or nothing_passed.

    [bold]Examples[/bold]

    graphrec batch BUNDLE users answers.parquet

    graphrec batch BUNDLE brands audiences.parquet --target users -k 100

    graphrec batch BUNDLE queries.txt answers.parquet --policy policy.toml -f in_stock=yes
    """
    check_writable(output, QueryError)
    recommender = open_recommender(bundle, policy=policy, verify=verify)
    schema = recommender.bundle.schema
    query_type, query_ids = _queries(recommender, queries)
    target_type = parse_target(schema, target, query_type)
    words = [*as_words(category, brand, price_min, price_max), *filters]
    with progress_bars() as bars:
        task = bars.add_task(f"{query_type} nodes", total=len(query_ids))
        report = write_answers(
            recommender,
            query_type,
            query_ids,
            target_type,
            output,
            on_progress=lambda done, _: bars.update(task, completed=done),
            k=top,
            filters=parse_filters(schema, target_type, words, without),
            exclude_seen=as_seen(exclude_seen, seen, seen_days),
            repeats=repeats,
            repeat_share=repeat_share,
            habits_as_of=habits_as_of,
            value_weight=value_weight,
            new_item_share=new_item_share,
            new_item_days=new_item_days,
            new_items_as_of=new_items_as_of,
            diversity=diversity,
            max_per_brand=max_per_brand,
            max_per_category=max_per_category,
            max_per_creator=max_per_creator,
            levels=levels,
            include_unsellable=include_unsellable,
            reasons=reasons,
            language=language,
            on_unknown=on_unknown,
        )
    if report.unknown:
        warn(
            f"the bundle does not hold {report.unknown:,} of the {query_type} nodes that were named"
        )
    if as_json:
        print_json(asdict(report))
        return
    console().print(
        f"{escape(report.path)}: {report.rows:,} answers for {report.queries:,} {query_type} nodes;"
        f" {report.empty:,} of them got none",
        soft_wrap=True,
    )


def _queries(recommender: Recommender, text: str) -> tuple[str, list[str]]:
    """The type of the queries and their ids."""
    schema: Schema = recommender.bundle.schema
    if not Path(text).is_file():
        query_type = parse_type(schema, text)
        return query_type, recommender.bundle.ids(query_type).to_pylist()
    nodes = [parse_node(schema, line) for line in read_lines(Path(text))]
    types = {node_type for node_type, _ in nodes}
    if len(types) != 1:
        raise typer.BadParameter(
            f"'{text}' names {len(types)} types of nodes; expected queries of one type",
            param_hint="QUERIES",
        )
    return types.pop(), [node_id for _, node_id in nodes]
