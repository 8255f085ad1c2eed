"""How well audiences of brands find new buyers."""

from graphrec.bundle import AudienceFigures
from graphrec.bundle.audiences import Reliability
from training.evaluation.lookalikes import SERVED
from training.evaluation.results import Evaluation
from training.report.charts.lines import Axis, Line, line_chart
from training.report.parts import Block, Cell, Figure, Row, Section, Table, Text
from training.report.sources import Sources
from training.report.words import in_words, percent, plural

_SHARES = (0.01, 0.05, 0.1, 0.2)


def lifts(sources: Sources) -> Section:
    """The lift curve of lookalikes."""
    points = sources.evaluation.lifts
    if not points:
        nothing = Text("No audiences of brands were measured.", "muted")
        return Section("lookalikes", "Lookalikes", (nothing,))
    lines = []
    for model, series in _series(sources.evaluation).items():
        own = sorted((p.share, p.lift) for p in points if p.model == model and p.share > 0)
        lines.append(Line(model, series, [share for share, _ in own], [lift for _, lift in own]))
    chart = line_chart(
        "lookalike-lift",
        "New buyers found, against chance",
        "Lift over the size of the audience, for " + ", ".join(line.label for line in lines),
        lines,
        Axis("audience, of all who never bought the brand", "log", as_percent=True),
        Axis("lift (times chance)", level=(1.0, "chance")),
    )
    blocks: tuple[Block, ...] = (
        Text(
            "A brand asks for the people most like its buyers among those who never bought it. "
            "Lift says how many times more of them became buyers afterwards than of people drawn "
            "by chance; mean over brands."
        ),
        Row((Figure(chart), _table(lines))),
        *(
            _reliability(node_type, figures)
            for node_type, figures in sources.evaluation.audiences.items()
        ),
    )
    return Section("lookalikes", "Lookalikes", blocks)


def _reliability(node_type: str, figures: AudienceFigures) -> Table:
    """A row per tenth of all pairs of a user and a brand or product, least likely first."""
    found = figures.first_purchase
    rows = [
        (Cell(f"{10 * place} to {10 * place + 10} %"), *_told(one))
        for place, one in enumerate(found.tenths)
    ]
    rows.append((Cell("the last 1 %"), *_told(found.top_percent)))
    return Table(
        f"Chance that a user buys of a {in_words(node_type)} for the first time within "
        f"{figures.window_days} days, as told and as it came",
        ("users by chance", "told", "bought"),
        tuple(rows),
        frozenset({"told", "bought"}),
        f"Mean difference over tenths (expected calibration error): {found.error:.5f}. Told for "
        f"halves of all {plural(node_type)} by what was learned from the other halves.",
        folded=True,
    )


def _told(one: Reliability) -> tuple[Cell, Cell]:
    return Cell(percent(one.told, 2)), Cell(percent(one.bought, 2))


def _series(evaluation: Evaluation) -> dict[str, int]:
    """What audiences were ordered by, ours first, with the place of each one's colour."""
    names = dict.fromkeys(point.model for point in evaluation.lifts)
    ours_first = sorted(names, key=lambda name: name != SERVED)
    return {name: place for place, name in enumerate(ours_first)}


def _table(lines: list[Line]) -> Table:
    known = [dict(zip(line.x, line.y, strict=True)) for line in lines]
    shares = [share for share in _SHARES if any(share in lift for lift in known)]
    columns = tuple(f"first {percent(share, 0)}" for share in shares)
    rows = tuple(
        (
            Cell(line.label),
            *(Cell(f"{lift[share]:.2f}" if share in lift else "") for share in shares),
        )
        for line, lift in zip(lines, known, strict=True)
    )
    return Table("Lift by size of the audience", ("model", *columns), rows, frozenset(columns))
