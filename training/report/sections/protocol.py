"""How it was measured, with what, and what it cost."""

from graphrec.nested import flat
from training.report.parts import Block, Section, Table, Text, cells
from training.report.sources import Sources
from training.report.words import number

_MOST_OPEN = 30


def settings(sources: Sources) -> Section:
    """The protocol, then every setting of the training."""
    evaluation = sources.evaluation
    protocol = evaluation.protocol
    facts = {
        "snapshot": evaluation.snapshot_id[:12],
        "foretold": evaluation.direction,
        "split": protocol.split,
        "cut-off": "none" if protocol.cutoff is None else f"{protocol.cutoff:%Y-%m-%d %H:%M} UTC",
        "days held out": protocol.holdout_days,
        "lengths of lists": ", ".join(map(str, protocol.ks)),
        "ranking": "all targets, no sampled metrics",
        "bootstrap resamples": f"{protocol.resamples:,}",
        "seed": protocol.seed,
    }
    rows = tuple(cells((name, value)) for name, value in facts.items() if value is not None)
    blocks: list[Block] = [Table("How it was measured", ("what", "how"), rows)]
    told = tuple(cells(pair) for pair in flat(evaluation.settings))
    if told:
        blocks.append(Table("Settings of the training", ("setting", "value"), told, folded=True))
    else:
        blocks.append(Text("No settings of the training are known.", "muted"))
    return Section("settings", "Settings", tuple(blocks))


def versions(sources: Sources) -> Section:
    """What it stood on."""
    rows = tuple(cells(pair) for pair in sources.evaluation.versions.items())
    table = Table("Versions", ("package", "version"), rows, folded=len(rows) > _MOST_OPEN)
    return Section("versions", "Versions", (table,))


def spending(sources: Sources) -> Section:
    """Time and memory."""
    evaluation = sources.evaluation
    spent = evaluation.spending
    total = sum(spent.seconds.values())
    steps = tuple(cells((name, f"{took:,.1f}")) for name, took in spent.seconds.items())
    ranking = tuple(
        cells((f"{result.model}, {task.name}", f"{result.seconds:,.2f}"))
        for task in evaluation.tasks
        for result in task.models
    )
    blocks = (
        Text(
            f"{number(total)} s in all, at most {spent.peak_memory_mb:,.0f} MB of memory, "
            f"{spent.threads} thread{'' if spent.threads == 1 else 's'} on {spent.machine}."
        ),
        Table("Seconds by step", ("step", "seconds"), steps, frozenset({"seconds"})),
        Table(
            "Seconds of ranking",
            ("model and task", "seconds"),
            ranking,
            frozenset({"seconds"}),
            folded=True,
        ),
    )
    return Section("spending", "Time and memory", blocks)
