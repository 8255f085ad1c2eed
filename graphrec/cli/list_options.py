"""What a list should be like beside affinity: value, newcomers, variety, what counts as had."""

from typing import Annotated, Literal

import typer

from graphrec.query import Seen

Level = Literal["leaf", "all"]

ValueWeightOption = Annotated[
    float,
    typer.Option(min=0, max=1, help="From 0, what fits best, to 1, expected net value."),
]
NewcomerShareOption = Annotated[
    float, typer.Option(min=0, max=1, help="Share of the places kept for what is new.")
]
NewcomerDaysOption = Annotated[
    float, typer.Option(min=0, help="What is listed within so many days is new.")
]
DiversityOption = Annotated[
    float, typer.Option(min=0, max=1, help="From 0, affinity alone, to 1, difference alone.")
]
MaxPerBrandOption = Annotated[int | None, typer.Option(min=1, help="At most so many of one brand.")]
MaxPerCategoryOption = Annotated[
    int | None, typer.Option(min=1, help="At most so many of one category.")
]
MaxPerCreatorOption = Annotated[
    int | None, typer.Option(min=1, help="At most so many of one creator.")
]
LevelsOption = Annotated[
    Level,
    typer.Option(help="Which categories may come out: those with none below them, or all."),
]
UnsellableOption = Annotated[
    bool,
    typer.Option(
        "--include-unsellable",
        help="Also products that cannot be bought: withdrawn, out of stock, or with a stock of 0.",
    ),
]
PopularOption = Annotated[
    bool,
    typer.Option(
        "--popular-if-unknown", help="Show what is popular to a seed of which nothing is known."
    ),
]
SeenOption = Annotated[
    list[str],
    typer.Option(
        metavar="RELATION",
        help="What counts as had and is left out, such as VIEWED; by default the usual, such as "
        "purchases. Repeatable.",
    ),
]
SeenDaysOption = Annotated[
    float | None, typer.Option(min=0, help="Only what was had within so many days counts.")
]


def as_seen(include_seen: bool, relations: list[str], within_days: float | None) -> bool | Seen:
    """The option `exclude_seen` of a question."""
    if include_seen and (relations or within_days is not None):
        raise typer.BadParameter("give either --include-seen or --seen and --seen-days, not both")
    if not relations and within_days is None:
        return not include_seen
    return Seen(relations=tuple(relations) or None, within_days=within_days)
