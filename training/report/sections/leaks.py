"""Whether a model could have seen what it was asked for."""

from training.report.parts import Block, Cell, Section, Table, Text
from training.report.sources import Sources
from training.report.words import number


def leaks(sources: Sources) -> Section:
    """What every leak check found."""
    findings = sources.evaluation.leaks
    if not findings:
        return Section("leaks", "Leak checks", (Text("No check for leaks was made.", "warning"),))
    warnings = [one for one in findings if one.level == "warning"]
    blocks: list[Block] = [Text(f"{one.check}: {one.message}", "warning") for one in warnings] or [
        Text(f"All {len(findings)} checks found nothing that the models should not have seen.")
    ]
    rows = tuple(
        (
            Cell(one.check, "read with care" if one.level == "warning" else "ok"),
            Cell(one.message, "; ".join(f"{k}: {number(v)}" for k, v in one.figures.items())),
        )
        for one in findings
    )
    blocks.append(Table("What was checked", ("check", "found"), rows))
    return Section("leaks", "Leak checks", tuple(blocks))
