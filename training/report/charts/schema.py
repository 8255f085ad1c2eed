"""The schema of a graph, drawn: types as circles, relations as arrows between them."""

from collections.abc import Mapping
from math import log10

import networkx as nx
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch

from graphdb.schema_types import Schema
from graphrec.explain.drawing.colours import node_colours
from training.report.charts.chart import Chart
from training.report.palette import Palette

_SMALLEST, _PER_DIGIT = 0.07, 0.014
_HIGH = 0.3


def schema_chart(schema: Schema, nodes: Mapping[str, int], edges: Mapping[str, int]) -> Chart:
    """Circles grow with the number of nodes, arrows with that of edges, both by the digit.

    Args:
        nodes: Number of nodes per type; only types in it are drawn.
        edges: Number of edges per edge type, written 'User-PURCHASED-Product'.
    """
    ties = [
        (edge_type, edges[str(edge_type)])
        for edge_type in schema.edge_types()
        if edges.get(str(edge_type)) and {edge_type.source, edge_type.target} <= set(nodes)
    ]
    graph = nx.Graph()
    graph.add_nodes_from(name for name in schema.node_types if name in nodes)
    graph.add_edges_from((tie.source, tie.target) for tie, _ in ties if tie.source != tie.target)

    def draw(axes: Axes, palette: Palette) -> None:
        places = _places(graph)
        radius = {name: _SMALLEST + _PER_DIGIT * log10(count) for name, count in nodes.items()}
        drawn: dict[tuple[str, str], int] = {}
        for tie, count in ties:
            if tie.source == tie.target:
                continue
            pair = (min(tie.source, tie.target), max(tie.source, tie.target))
            drawn[pair] = drawn.get(pair, -1) + 1
            bend = 0.16 * ((drawn[pair] + 1) // 2) * (-1) ** drawn[pair]
            axes.add_patch(
                FancyArrowPatch(
                    places[tie.source],
                    places[tie.target],
                    arrowstyle="-|>",
                    connectionstyle=f"arc3,rad={bend if tie.source == pair[0] else -bend}",
                    mutation_scale=9,
                    linewidth=0.5 + 0.35 * log10(count),
                    color=palette.muted,
                    shrinkA=0,
                    shrinkB=radius[tie.target] * 150,
                )
            )
        for name, (x, y) in places.items():
            colours = node_colours(name)
            axes.add_patch(
                Circle((x, y), radius[name], facecolor=colours.fill, edgecolor=colours.border)
            )
            is_high = y > _HIGH  # there the name stands above, out of the way of arrows
            axes.text(
                x,
                y + (radius[name] + 0.03) * (1 if is_high else -1),
                f"{name}\n{nodes[name]:,}",
                ha="center",
                va="bottom" if is_high else "top",
                fontsize=11.5,
                color=palette.ink,
                bbox={"facecolor": palette.surface, "edgecolor": "none", "pad": 1, "alpha": 0.85},
            )
        axes.set_xlim(-1.3, 1.3)
        axes.set_ylim(-1.3, 1.3)
        axes.set_aspect("equal")
        axes.axis("off")

    names = ", ".join(f"{name} ({nodes[name]:,})" for name in graph.nodes)
    return Chart(
        "schema", "Types and their ties", f"Node types and their ties: {names}", draw, 400, 400
    )


def _places(graph: "nx.Graph[str]") -> dict[str, tuple[float, float]]:
    """Those with the most ties inwards; the same every time."""
    first = nx.circular_layout(graph)
    found = nx.kamada_kawai_layout(graph, pos=first) if len(graph) > 2 else first
    return {name: (float(x), float(y)) for name, (x, y) in found.items()}
