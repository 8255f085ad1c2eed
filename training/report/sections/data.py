"""Builds the report sections on data, settings, cost, leaks, lists, training and further tasks.

They show the graph and its rejected rows, how the evaluation was done, and what accuracy does not
say: the worth of the hits, and the lists as a whole. Further tasks are targets bought before, new
targets and peak days.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from graphdb.checked_schema import Schema
from graphrec.explain.render.layout import node_colours, relation_colour
from graphrec.nested import flat
from training.evaluation.results import Evaluation, TaskResult, too_few_queries
from training.report.charts import Axis, Chart, Line, line_chart
from training.report.page import Block, Cell, Figure, Row, Section, Table, Text, cells
from training.report.schema_chart import schema_chart
from training.report.sections.groups import slug
from training.report.sections.headline import (
    UNDER_MEANS,
    comparison_tables,
    metric_names,
    metric_table,
)
from training.report.sections.maps import NO_BUNDLE
from training.report.sources import EpochLine, Sources
from training.report.words import headline_metric, meaning, metric_title, number, parted, plural


def graph(sources: Sources) -> Section:
    """The schema with counts, drawn and as tables."""
    key, title = "graph", "The graph"
    counted = _counted(sources)
    if counted is None:
        return Section(key, title, (Text(f"{NO_BUNDLE} No snapshot was given.", "muted"),))
    schema, num_nodes, num_edges, what = counted
    nodes = {name: count for name, count in num_nodes.items() if count}
    edges = {name: count for name, count in num_edges.items() if count}
    blocks: list[Block] = [
        Text(f"{sum(nodes.values()):,} nodes and {sum(edges.values()):,} {what}."),
        Row((Figure(schema_chart(schema, nodes, edges)), _node_table(schema, nodes))),
        _edge_table(schema, edges, what),
    ]
    snapshot = sources.snapshot
    if snapshot and snapshot.snapshot_id != sources.evaluation.snapshot_id:
        words = (
            f"The snapshot that was given has the id {snapshot.snapshot_id[:12]}, the evaluated "
            f"one {sources.evaluation.snapshot_id[:12]}: these are not its counts."
        )
        blocks.insert(0, Text(words, "warning"))
    return Section(key, title, tuple(blocks))


def rejects(sources: Sources) -> Section:
    """How many rows of each table were set aside, and why."""
    key, title = "rejects", "Rows that were set aside"
    table = sources.rejects
    if table is None:
        return Section(key, title, (Text("No store was given to read them from.", "muted"),))
    if not table.num_rows:
        return Section(key, title, (Text("Every row of every table was good."),))
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = defaultdict(str)
    for row in table.to_pylist():
        kind = (row["table_name"], row["code"])
        counts[kind] += 1
        examples[kind] = examples[kind] or f"{row['file']}, row {row['row']}: {row['reason']}"
    rows = tuple(
        (
            Cell(code.replace("_", " "), f"such as {examples[name, code]}"),
            Cell(name),
            Cell(f"{number:,}"),
        )
        for (name, code), number in counts.most_common()
    )
    blocks = (
        Text(f"{table.num_rows:,} rows broke a rule and are not in the graph."),
        Table("Why", ("reason", "table", "rows"), rows, frozenset({"rows"})),
    )
    return Section(key, title, blocks)


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
            Cell(name, schema.node_types[name].doc, colour=node_colours(name).fill),
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
                schema.relations[edge_type.relation].doc,
                colour=relation_colour(edge_type.relation),
            ),
            Cell(f"{edge_type.source} → {edge_type.target}"),
            Cell(f"{edges[str(edge_type)]:,}"),
        )
        for edge_type in schema.edge_types()
        if str(edge_type) in edges
    )
    columns = ("relation", "between", "number")
    return Table(f"Relations ({what})", columns, rows, frozenset({"number"}))


_MOST_OPEN = 30


def settings(sources: Sources) -> Section:
    """The protocol, then every setting of the training."""
    evaluation = sources.evaluation
    protocol = evaluation.protocol
    facts = {
        "snapshot": evaluation.snapshot_id[:12],
        "supervised_edge_types": evaluation.target_edge_type,
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


def catalogue(sources: Sources) -> Section:
    """Value-weighted metrics, and coverage, evenness, novelty, diversity of all lists."""
    evaluation = sources.evaluation
    task = evaluation.tasks[0]
    blocks: list[Block] = []
    valued = [name for name in metric_names(task) if "value" in name]
    if valued:
        caption = "Weighted by net value"
        blocks.append(metric_table(evaluation, task, valued, caption, noted=False))
    else:
        few = [number for name, number in task.too_few.items() if "value" in name]
        why = "no money is known" if evaluation.protocol.cutoff else "there is no cut-off"
        why = too_few_queries(few[0]) if few else why
        blocks.append(Text(f"Nothing was weighted by value: {why}.", "muted"))
    names = list(dict.fromkeys(name for result in task.models for name in result.lists))
    if not names:
        blocks.append(Text("Nothing was measured of the lists as a whole.", "muted"))
        return Section("catalogue", "Value, and beyond accuracy", tuple(blocks))
    _, k = parted(headline_metric(evaluation, task))
    main = [name for name in names if parted(name)[1] == k]
    title = f"The lists as a whole ({task.name})"
    blocks.append(_lists(evaluation, task, main or names, title))
    if main and len(main) < len(names):
        blocks.append(_lists(evaluation, task, names, f"{title}, at every length", folded=True))
    return Section("catalogue", "Value, and beyond accuracy", tuple(blocks))


def _lists(
    evaluation: Evaluation,
    task: TaskResult,
    names: Sequence[str],
    caption: str,
    *,
    folded: bool = False,
) -> Table:
    """A row per measure, a column per model."""
    lists = {result.model: result.lists for result in task.models}
    models = tuple(model for model in evaluation.models if model in lists)
    rows = tuple(
        (
            Cell(metric_title(name), "" if folded else meaning(name)),
            *(Cell(number(lists[m][name]) if name in lists[m] else "") for m in models),
        )
        for name in names
    )
    return Table(caption, ("measure", *models), rows, frozenset(models), folded=folded)


def training_curves(sources: Sources) -> Section:
    """Loss, and recall on the validation part, of every run in the log."""
    key, title = "training", "Training"
    if sources.runs is None:
        settings = sources.evaluation.settings
        words = "No log of a training run was given."
        if settings.get("encoder", settings.get("model")) == "svd":  # as older results have it
            words += " The SVD has no epochs."
        return Section(key, title, (Text(words, "muted"),))
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
        Text(". ".join(_told(name, epochs) for name, epochs in sources.runs.items()) + "."),
        Row(tuple(map(Figure, charts))),
    )
    return Section(key, title, blocks)


def _told(name: str, epochs: tuple[EpochLine, ...]) -> str:
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
        height=260,
    )


_SHOWN = ("recall", "ndcg")


def tasks(sources: Sources) -> Section:
    """A table per task beside the first."""
    evaluation = sources.evaluation
    others = evaluation.tasks[1:]
    if not others:
        nothing = Text("Only one task was measured.", "muted")
        return Section("tasks", "Task by task", (nothing,))
    told = [task for task in others if metric_names(task)]
    blocks: list[Block] = [
        Text(UNDER_MEANS, "muted"),
        *([Row(tuple(_main_table(evaluation, task) for task in told))] if told else []),
        *(
            Text(f"{_caption(task)}: {too_few_queries(task.num_queries)}", "muted")
            for task in others
            if task not in told
        ),
    ]
    for task in told:
        if task.comparisons:
            metric = headline_metric(evaluation, task)
            blocks.append(comparison_tables(evaluation, task, metric)[-1])
    return Section("tasks", "Task by task", tuple(blocks))


def _main_table(evaluation: Evaluation, task: TaskResult) -> Table:
    _, k = parted(headline_metric(evaluation, task))
    names = metric_names(task)
    chosen = [name for name in names if parted(name) in [(short, k) for short in _SHOWN]]
    return metric_table(evaluation, task, chosen or names[:2], _caption(task), noted=False)


def _caption(task: TaskResult) -> str:
    return (
        f"{task.name}: {plural(task.target_type)} for {task.num_queries:,} "
        f"{plural(task.query_type)}, {task.num_pairs:,} pairs to be found"
    )
