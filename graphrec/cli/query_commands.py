"""`graphrec recommend` and `graphrec similar`."""

from typing import Annotated

import typer

from graphrec.cli.events import EventOption, parse_events
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
from graphrec.cli.list_options import (
    DiversityOption,
    LevelsOption,
    MaxPerBrandOption,
    MaxPerCategoryOption,
    MaxPerCreatorOption,
    NewcomerDaysOption,
    NewcomerShareOption,
    PopularOption,
    SeenDaysOption,
    SeenOption,
    UnsellableOption,
    ValueWeightOption,
    as_seen,
)
from graphrec.cli.node_names import parse_node, parse_target
from graphrec.cli.opening import open_recommender
from graphrec.cli.output import JsonOption
from graphrec.cli.result_output import show
from graphrec.query.limits import MOST_K
from graphrec.query.options import Options

BundleArgument = Annotated[
    str,
    typer.Argument(
        metavar="BUNDLE",
        help="Folder that `graphrec train` wrote, or a release: REGISTRY@current, REGISTRY@NAME.",
    ),
]
TopOption = Annotated[int, typer.Option("--top", "-k", min=1, max=MOST_K, help="How many to show.")]
VerifyOption = Annotated[
    bool, typer.Option("--verify/--no-verify", help="Check the bundle's file hashes first.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(recommend)
    app.command()(similar)


def recommend(
    bundle: BundleArgument,
    seed: Annotated[
        str | None,
        typer.Argument(
            metavar="SEED", help="Who or what to recommend for, as TYPE:ID.", show_default=False
        ),
    ] = None,
    event: EventOption = [],  # noqa: B006 - Typer's way to say a repeatable option
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            help="What to recommend, such as products, brands or users. "
            "By default products for a user, users for all else.",
        ),
    ] = None,
    top: TopOption = 10,
    category: CategoryOption = [],  # noqa: B006
    brand: BrandOption = [],  # noqa: B006
    min_price: MinPriceOption = None,
    max_price: MaxPriceOption = None,
    filters: FilterOption = [],  # noqa: B006
    without: WithoutOption = [],  # noqa: B006
    policy: PolicyOption = None,
    include_seen: Annotated[
        bool,
        typer.Option("--include-seen", help="Also show what the seed has had, such as purchases."),
    ] = False,
    seen: SeenOption = [],  # noqa: B006
    seen_days: SeenDaysOption = None,
    value_weight: ValueWeightOption = 0.0,
    newcomer_share: NewcomerShareOption = 0.0,
    newcomer_days: NewcomerDaysOption = 30.0,
    diversity: DiversityOption = 0.0,
    max_per_brand: MaxPerBrandOption = None,
    max_per_category: MaxPerCategoryOption = None,
    max_per_creator: MaxPerCreatorOption = None,
    levels: LevelsOption = "leaf",
    include_unsellable: UnsellableOption = False,
    popular: PopularOption = False,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Recommend nodes of one type for a node of another, or for someone unknown by recent events.

    [bold]Examples[/bold]

    graphrec recommend BUNDLE User:42

    graphrec recommend BUNDLE User:42 --category Yogurt --max-price 5

    graphrec recommend BUNDLE User:42 --target brands -k 5

    graphrec recommend BUNDLE Brand:109 --target users --include-seen

    graphrec recommend BUNDLE Product:7 --target creators -f 'fans>=1000' --policy policy.toml

    graphrec recommend BUNDLE User:42 --without shops=s1 -f in_stock=yes --json

    graphrec recommend BUNDLE User:42 --value-weight 0.5 --newcomer-share 0.2 --max-per-brand 2

    graphrec recommend BUNDLE --event PURCHASED:7 --event VIEWED:9@2026-11-01
    """
    recommender = open_recommender(bundle, policy=policy, verify=verify)
    schema = recommender.bundle.schema
    events = parse_events(event)
    seed_type, seed_id = ("User", "") if events else parse_node(schema, _the_seed(seed))
    if events and seed:
        raise typer.BadParameter("give a seed or events, not both", param_hint="--event")
    target_type = parse_target(schema, target, seed_type)
    words = as_words(category, brand, min_price, max_price)
    options: Options = {
        "k": top,
        "filters": parse_filters(schema, target_type, [*words, *filters], without),
        "exclude_seen": as_seen(include_seen, seen, seen_days),
        "value_weight": value_weight,
        "newcomer_share": newcomer_share,
        "newcomer_days": newcomer_days,
        "diversity": diversity,
        "max_per_brand": max_per_brand,
        "max_per_category": max_per_category,
        "max_per_creator": max_per_creator,
        "levels": levels,
        "include_unsellable": include_unsellable,
        "on_unknown": "popular" if popular else "error",
    }
    if events:
        answer = recommender.recommend_for_events(events, target_type, **options)
        show(answer, f"{target_type} for someone with {len(events)} events", as_json=as_json)
        return
    answer = recommender.recommend(seed_type, seed_id, target_type, **options)
    show(answer, f"{target_type} for {seed_type} {seed_id}", as_json=as_json)


def _the_seed(seed: str | None) -> str:
    if seed is None:
        raise typer.BadParameter("name a SEED as TYPE:ID, or give --event", param_hint="SEED")
    return seed


def similar(
    bundle: BundleArgument,
    node: Annotated[
        str, typer.Argument(metavar="NODE", help="What to find the like of, as TYPE:ID.")
    ],
    top: TopOption = 10,
    category: CategoryOption = [],  # noqa: B006
    brand: BrandOption = [],  # noqa: B006
    min_price: MinPriceOption = None,
    max_price: MaxPriceOption = None,
    filters: FilterOption = [],  # noqa: B006
    without: WithoutOption = [],  # noqa: B006
    policy: PolicyOption = None,
    newcomer_share: NewcomerShareOption = 0.0,
    newcomer_days: NewcomerDaysOption = 30.0,
    diversity: DiversityOption = 0.0,
    max_per_brand: MaxPerBrandOption = None,
    max_per_category: MaxPerCategoryOption = None,
    max_per_creator: MaxPerCreatorOption = None,
    levels: LevelsOption = "leaf",
    include_unsellable: UnsellableOption = False,
    verify: VerifyOption = True,
    as_json: JsonOption = False,
) -> None:
    """Find the nodes that are most like a node.

    [bold]Examples[/bold]

    graphrec similar BUNDLE Product:1082185

    graphrec similar BUNDLE Product:1082185 --max-price 2 -k 5 --max-per-brand 1

    graphrec similar BUNDLE Brand:109 --json
    """
    recommender = open_recommender(bundle, policy=policy, verify=verify)
    schema = recommender.bundle.schema
    node_type, node_id = parse_node(schema, node)
    words = [*as_words(category, brand, min_price, max_price), *filters]
    answer = recommender.similar(
        node_type,
        node_id,
        k=top,
        filters=parse_filters(schema, node_type, words, without),
        newcomer_share=newcomer_share,
        newcomer_days=newcomer_days,
        diversity=diversity,
        max_per_brand=max_per_brand,
        max_per_category=max_per_category,
        max_per_creator=max_per_creator,
        levels=levels,
        include_unsellable=include_unsellable,
    )
    show(answer, f"{node_type} like {node_type} {node_id}", as_json=as_json)
