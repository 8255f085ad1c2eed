"""What the models learned from: the graph, and the rows that did not enter it."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from graphdb.schema_types import Schema
from graphrec.explain.drawing.colours import node_colours, relation_colour
from training.report.charts.schema import schema_chart
from training.report.parts import Block, Cell, Figure, Row, Section, Table, Text
from training.report.sections.maps import NO_BUNDLE
from training.report.sources import Sources


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
        what = "pairs of nodes that an edge ties"
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
