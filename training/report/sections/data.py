"""Builds the report sections on tasks, leaks, lists, training, the graph, and how all was made.

Tasks are the directions that were measured, side by side for all models. The section on lists shows
what accuracy does not say: the worth of the hits, and the lists as a whole.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from graphdb.checked_schema import Schema
from graphrec.explain.render.layout import node_colours, relation_colour
from graphrec.nested import flat
from training.evaluation.leaderboard import leader, value_of
from training.evaluation.results import Evaluation, LeakFinding, TaskResult, too_few_queries
from training.report.charts import Axis, Chart, Line, line_chart
from training.report.page import Block, Cell, Figure, Omitted, Row, Section, Table, Text, cells
from training.report.schema_chart import schema_chart
from training.report.sections.groups import slug
from training.report.sections.headline import comparison_tables, metric_names, metric_table
from training.report.sections.maps import NO_BUNDLE
from training.report.sources import EpochLine, Sources
from training.report.words import (
    headline_metric,
    interval,
    meaning,
    metric_title,
    number,
    parted,
    plural,
)


def graph(sources: Sources) -> Section | Omitted:
    """The schema with counts, drawn and as tables."""
    key, title = "graph", "The graph"
    counted = _counted(sources)
    if counted is None:
        return Omitted(title, f"{NO_BUNDLE} No snapshot was given (`--snapshot`).")
    schema, num_nodes, num_edges, what = counted
    nodes = {name: count for name, count in num_nodes.items() if count}
    edges = {name: count for name, count in num_edges.items() if count}
    total = f"{sum(nodes.values()):,} nodes and {sum(edges.values()):,} {what}"
    blocks: list[Block] = [
        Row(
            (
                Figure(schema_chart(schema, nodes, edges, total)),
                _node_table(schema, nodes),
                _edge_table(schema, edges, what),
            ),
            narrow=True,
        )
    ]
    snapshot = sources.snapshot
    if snapshot and snapshot.snapshot_id != sources.evaluation.snapshot_id:
        words = (
            f"The snapshot that was given has the id {snapshot.snapshot_id[:12]}, the evaluated "
            f"one {sources.evaluation.snapshot_id[:12]}: these are not its counts."
        )
        blocks.insert(0, Text(words, "warning"))
    return Section(key, title, tuple(blocks))


def rejects(sources: Sources) -> Section | Omitted:
    """How many rows and values of each table were rejected, and why."""
    title = "Rejected rows"
    table = sources.rejects
    if table is None:
        return Omitted(title, "no store was given to read them from (`--store`).")
    if not table.num_rows:
        return Omitted(title, "every row of every table was accepted.")
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = defaultdict(str)
    for row in table.to_pylist():
        kind = (row["table_name"], row["code"])
        counts[kind] += 1
        examples[kind] = examples[kind] or f"{row['file']}, row {row['row']}: {row['reason']}"
    num_values = table.num_rows - table["column"].null_count
    num_rows = table.num_rows - num_values
    lost = [f"{num_rows:,} rows broke a rule and are not in the graph"] if num_rows else []
    if num_values:
        lost.append(f"{num_values:,} bad values were left out of their rows")
    rows = tuple(
        (Cell(code.replace("_", " ")), Cell(name), Cell(f"{number:,}"), Cell(examples[name, code]))
        for (name, code), number in counts.most_common()
    )
    caption = ", and ".join(lost)
    columns = ("reason", "table", "number", "for example")
    return Section("rejects", title, (Table(caption, columns, rows, frozenset({"number"})),))


def _counted(sources: Sources) -> tuple[Schema, Mapping[str, int], Mapping[str, int], str] | None:
    """Schema, nodes by type, edges by edge type, and what these count."""
    if sources.snapshot is not None:
        manifest = sources.snapshot.manifest
        nodes = {name: entry.rows for name, entry in manifest.nodes.items()}
        edges = {name: entry.rows for name, entry in manifest.edges.items()}
        return sources.snapshot.schema, nodes, edges, "edges"
    if sources.recommender is not None:
        bundle = sources.recommender.bundle
        held = bundle.manifest
        what = "pairs of nodes that an edge connects"
        return bundle.schema, held.num_nodes, held.num_edges, what
    return None


def _node_table(schema: Schema, nodes: Mapping[str, int]) -> Table:
    rows = tuple(
        (
            Cell(name, colour=node_colours(name).fill, hint=schema.node_types[name].doc),
            Cell(f"{nodes[name]:,}"),
        )
        for name in schema.node_types
        if name in nodes
    )
    return Table("Nodes", ("type", "number"), rows, frozenset({"number"}))


def _edge_table(schema: Schema, edges: Mapping[str, int], what: str) -> Table:
    rows = tuple(
        (
            Cell(
                edge_type.relation,
                colour=relation_colour(edge_type.relation),
                hint=schema.relations[edge_type.relation].doc,
            ),
            Cell(f"{edge_type.source} → {edge_type.target}"),
            Cell(f"{edges[str(edge_type)]:,}"),
        )
        for edge_type in schema.edge_types()
        if str(edge_type) in edges
    )
    columns = ("relation", "between", "number")
    return Table(f"Relations ({what})", columns, rows, frozenset({"number"}))


def made(sources: Sources) -> Section:
    """The protocol, versions, time and memory; every setting, folded."""
    evaluation = sources.evaluation
    spent = evaluation.spending
    total = sum(spent.seconds.values())
    threads = f"{spent.threads} thread{'' if spent.threads == 1 else 's'}"
    steps = [(name, f"{took:,.1f}") for name, took in spent.seconds.items()]
    tables = (
        Table("Protocol", ("what", "how"), tuple(map(cells, _protocol(evaluation)))),
        Table(
            "Seconds by step",
            ("step", "seconds"),
            tuple(map(cells, steps)),
            frozenset({"seconds"}),
            folded=len(steps) > _MOST_OPEN,
        ),
        Table(
            "Versions",
            ("package", "version"),
            tuple(map(cells, evaluation.versions.items())),
            folded=len(evaluation.versions) > _MOST_OPEN,
        ),
    )
    blocks: list[Block] = [
        Text(
            f"{number(total)} s in all, at most {spent.peak_memory_mb:,.0f} MB of memory, "
            f"{threads} on {spent.machine}.",
            "muted",
        ),
        Row(tables, narrow=True),
    ]
    told = tuple(cells(pair) for pair in flat(evaluation.settings))
    if told:
        blocks.append(Table("Training config", ("setting", "value"), told, folded=True))
    ranking = tuple(
        cells((f"{result.model}, {task.name}", f"{result.seconds:,.2f}"))
        for task in evaluation.tasks
        for result in task.models
    )
    columns = ("model and task", "seconds")
    blocks.append(
        Table("Seconds of ranking", columns, ranking, frozenset({"seconds"}), folded=True)
    )
    return Section("made", "How it was made", tuple(blocks))


_MOST_OPEN = 14


def _protocol(evaluation: Evaluation) -> list[tuple[str, object]]:
    protocol = evaluation.protocol
    cutoff = "none" if protocol.cutoff is None else f"{protocol.cutoff:%Y-%m-%d %H:%M} UTC"
    facts = {
        "snapshot": evaluation.snapshot_id[:12],
        "target edge type": evaluation.target_edge_type,
        "split": protocol.split,
        "cut-off": cutoff,
        "days held out": protocol.holdout_days,
        "lengths of lists": ", ".join(map(str, protocol.ks)),
        "ranking": "all targets, no sampled metrics",
        "bootstrap resamples": f"{protocol.resamples:,}",
        "random seed": protocol.seed,
    }
    return [(name, value) for name, value in facts.items() if value is not None]


def leaks(sources: Sources) -> Section | Omitted:
    """What every leak check found, as sentences."""
    findings = sources.evaluation.leaks
    title = "Leak checks"
    if not findings:
        return Omitted(title, "no check for leaks was made.")
    warnings = [one for one in findings if one.level == "warning"]
    blocks: list[Block] = [Text(f"{one.check}: {one.message}.", "warning") for one in warnings] or [
        Text(f"All {len(findings)} checks found nothing that the models should not have seen.")
    ]
    rows = tuple(
        (
            Cell(one.check),
            Cell("warning" if one.level == "warning" else "ok"),
            Cell(_sentence(one.message), " ".join(_details(one))),
        )
        for one in findings
    )
    columns = ("check", "result", "what was found")
    blocks.append(Table("What was checked", columns, rows, folded=not warnings))
    return Section("leaks", title, tuple(blocks))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _details(finding: LeakFinding) -> list[str]:
    """Sentences; results of an older release have figures only."""
    if finding.details:
        return list(finding.details)
    return [f"{name}: {number(value)}." for name, value in finding.figures.items()]


def catalogue(sources: Sources) -> Section | Omitted:
    """Value-weighted NDCG, and coverage, evenness, novelty, diversity of all lists."""
    evaluation = sources.evaluation
    task = evaluation.tasks[0]
    title = "Value and lists as a whole"
    _, k = parted(headline_metric(evaluation, task))
    valued = [name for name in metric_names(task) if "value" in name]
    of_lists = list(dict.fromkeys(name for result in task.models for name in result.lists))
    names = [*valued, *of_lists]
    main = [name for name in names if parted(name)[1] == k]
    blocks: list[Block] = []
    if not valued:
        few = [number for name, number in task.too_few.items() if "value" in name]
        why = "no money is known" if evaluation.protocol.cutoff else "there is no cut-off"
        why = too_few_queries(few[0]) if few else why
        blocks.append(Text(f"Nothing was weighted by value: {why}.", "muted"))
    if not names:
        return Omitted(title, "lists as a whole were not measured.")
    blocks.insert(0, _lists(evaluation, task, main or names, f"Lists of '{task.name}'"))
    if valued:
        caption = "NDCG weighted by net value, with intervals"
        blocks.append(metric_table(task, valued, caption, folded=True))
    if main and len(main) < len(names):
        caption = "The same at every length of lists"
        blocks.append(_lists(evaluation, task, names, caption, folded=True))
    return Section("catalogue", title, tuple(blocks))


def _lists(
    evaluation: Evaluation,
    task: TaskResult,
    names: Sequence[str],
    caption: str,
    *,
    folded: bool = False,
) -> Table:
    """A row per measure, a column per model, and what the measure means."""
    results = {result.model: result for result in task.models}
    models = tuple(model for model in evaluation.models if model in results)
    rows = []
    for name in names:
        values = {
            model: one.metrics[name].mean if name in one.metrics else one.lists.get(name)
            for model, one in results.items()
        }
        shown = ("" if (value := values[model]) is None else number(value) for model in models)
        rows.append((Cell(metric_title(name)), *map(Cell, shown), Cell("", meaning(name))))
    columns = ("measure", *models, "meaning")
    return Table(caption, columns, tuple(rows), frozenset(models), folded=folded, compact=True)


def training_curves(sources: Sources) -> Section | Omitted:
    """Loss, and recall on the validation part, of every run in the log."""
    title = "Training"
    if sources.runs is None:
        settings = sources.evaluation.settings
        words = "no log of a training run was given (`--run-dir`)."
        if settings.get("encoder", settings.get("model")) == "svd":  # as older results have it
            words += " The SVD has no epochs."
        return Omitted(title, words)
    charts: list[Chart] = []
    for name, epochs in sources.runs.items():
        charts.append(_curve(name, "loss", [(one.number, one.loss) for one in epochs]))
        for measure in ("recall", "ndcg"):
            known = [
                (one.number, value)
                for one in epochs
                if (value := getattr(one, measure)) is not None
            ]
            if known:
                charts.append(_curve(name, f"{metric_title(measure)} on validation", known))
    blocks: tuple[Block, ...] = (
        Text(". ".join(_epochs(name, epochs) for name, epochs in sources.runs.items()) + "."),
        Row(tuple(map(Figure, charts)), narrow=True),
    )
    return Section("training", title, blocks)


def _epochs(name: str, epochs: tuple[EpochLine, ...]) -> str:
    seconds = sum(one.seconds for one in epochs)
    best = max((one for one in epochs if one.recall is not None), key=_recall, default=None)
    words = f"{name}: {len(epochs)} epochs in {seconds:,.0f} s"
    return words if best is None else f"{words}, best recall {_recall(best):.4f} at {best.number}"


def _recall(epoch: EpochLine) -> float:
    return epoch.recall or 0.0


def _curve(run: str, measure: str, points: list[tuple[int, float]]) -> Chart:
    line = Line(run, 0, [x for x, _ in points], [y for _, y in points])
    return line_chart(
        f"training-{slug(run)}-{slug(measure)}",
        f"{run}: {measure}",
        f"The {measure} of the run {run} over {len(points)} epochs, "
        f"from {points[0][1]:.4g} to {points[-1][1]:.4g}",
        [line],
        Axis("epoch", is_whole=True),
        Axis(measure),
        f"{len(points)} epochs",
        height=260,
    )


_SHOWN = ("recall", "ndcg")


def tasks(sources: Sources) -> Section:
    """All models in all tasks, with what the data cannot measure."""
    evaluation = sources.evaluation
    _, k = parted(headline_metric(evaluation, evaluation.tasks[0]))
    names = [name for name in metric_names(evaluation.tasks[0]) if parted(name)[1] == k]
    chosen = [name for name in names if parted(name)[0] in _SHOWN] or names[:1]
    measured = [task for task in evaluation.tasks if metric_names(task)]
    blocks: list[Block] = [
        _leaderboard(evaluation, measured, name, folded=place > 0)
        for place, name in enumerate(chosen)
    ]
    few = [
        f"{task.name}: {too_few_queries(task.num_queries)}."
        for task in evaluation.tasks
        if task not in measured
    ]
    blocks += [Text(" ".join(few), "muted")] if few else []
    blocks += [_with_intervals(measured, chosen)] if chosen else []
    blocks += [table for task in measured[1:] for table in comparison_tables(task)]
    blocks += [_seeds(evaluation)] if evaluation.seeds else []
    blocks += [_not_measured(evaluation)] if evaluation.not_measured else []
    return Section("tasks", "Every direction", tuple(blocks))


def _leaderboard(
    evaluation: Evaluation, measured: Sequence[TaskResult], metric: str, *, folded: bool
) -> Table:
    """A row per task, a column per model."""
    rows = []
    for task in measured:
        best = leader(task, metric, evaluation.models)
        values = {name: value_of(task, name, metric) for name in evaluation.models}
        cells = (
            Cell("" if value is None else number(value), is_best=bool(best and name == best[0]))
            for name, value in values.items()
        )
        asked = f"{plural(task.target_type)} for {task.num_queries:,} {plural(task.query_type)}"
        rows.append((Cell(task.name), Cell(asked), Cell(f"{task.num_pairs:,}"), *cells))
    columns = ("task", "what is asked", "positives", *evaluation.models)
    note = (
        "Positives are the held-out pairs to find. Bold is the best model of a task; a model "
        "without a figure cannot answer it."
    )
    return Table(
        f"{metric_title(metric)} of every model",
        columns,
        tuple(rows),
        frozenset(columns[2:]),
        "" if folded else note,
        folded,
    )


def _with_intervals(measured: Sequence[TaskResult], names: Sequence[str]) -> Table:
    titles = tuple(map(metric_title, names))
    rows = tuple(
        (
            Cell(task.name),
            Cell(result.model),
            *(
                Cell(number(found.mean), interval(found))
                if (found := result.metrics.get(name)) is not None
                else Cell("")
                for name in names
            ),
        )
        for task in measured
        for result in task.models
    )
    caption = f"{' and '.join(titles)} with 95 % intervals"
    columns = ("task", "model", *titles)
    return Table(caption, columns, rows, frozenset(titles), folded=True, compact=True)


def _seeds(evaluation: Evaluation) -> Table:
    rows = tuple(
        (
            Cell(one.task),
            Cell(one.model),
            Cell(metric_title(one.metric)),
            *map(
                Cell, map(number, (min(one.means), sum(one.means) / len(one.means), max(one.means)))
            ),
        )
        for one in evaluation.seeds
    )
    figures = ("lowest", "mean", "highest")
    caption = f"Spread over {max(len(one.means) for one in evaluation.seeds)} random seeds"
    columns = ("task", "model", "measure", *figures)
    return Table(caption, columns, rows, frozenset(figures), folded=True)


def _not_measured(evaluation: Evaluation) -> Table:
    rows = tuple(cells(pair) for pair in evaluation.not_measured.items())
    caption = "Directions that these data cannot measure"
    return Table(caption, ("direction", "what it needs"), rows, folded=True)
