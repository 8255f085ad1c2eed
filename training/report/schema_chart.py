"""Draws the schema of a graph: types as circles, relations as arrows."""

from collections import Counter
from collections.abc import Mapping
from math import atan2, cos, log10, pi, sin

import networkx as nx
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from graphrec.explain.render.layout import node_colours
from training.report.charts import Chart
from training.report.palette import Palette

Place = tuple[float, float]

_WIDTH, _HEIGHT = 400, 340
_HALF_WIDTH = 1.75  # of the drawing, where the ring of types has the radius 1
_SMALLEST, _PER_DIGIT = 0.1, 0.014
_BEND = 0.16
_EDGES = "edges"
_ASIDE = 0.35  # share of the radius, from which on a name is beside its circle


def schema_chart(
    schema: Schema, nodes: Mapping[str, int], edges: Mapping[str, int], counted: str
) -> Chart:
    """Returns a chart with the type with the most edges in the middle of a ring of the others.

    Circles grow with the number of nodes, arrows with that of edges, both logarithmically.

    Args:
        nodes: Number of nodes per type; only types in it are drawn.
        edges: Number of edges per edge type, written 'User-PURCHASED-Product'.
    """
    shown = [
        (edge_type, edges[str(edge_type)])
        for edge_type in schema.edge_types()
        if edges.get(str(edge_type)) and edge_type.source != edge_type.target
    ]
    graph = nx.Graph()
    graph.add_nodes_from(name for name in schema.node_types if name in nodes)
    pairs = Counter((min(edge[::2]), max(edge[::2])) for edge, _ in shown)
    graph.add_edges_from((*pair, {_EDGES: number}) for pair, number in pairs.items())
    radius = {name: _SMALLEST + _PER_DIGIT * log10(count) for name, count in nodes.items()}

    def draw(axes: Axes, palette: Palette) -> None:
        places = _places(graph)
        drawn: dict[tuple[str, str], int] = {}
        for edge, count in shown:
            pair = (min(edge.source, edge.target), max(edge.source, edge.target))
            drawn[pair] = drawn.get(pair, -1) + 1
            _arrow(axes, palette, edge, count, drawn[pair], places, radius[edge.target])
        for name, place in places.items():
            _circle(axes, palette, name, nodes[name], place, radius[name])
        high = _HALF_WIDTH * _HEIGHT / _WIDTH
        axes.set_xlim(-_HALF_WIDTH, _HALF_WIDTH)
        axes.set_ylim(-high, high)
        axes.set_aspect("equal")
        axes.axis("off")

    names = ", ".join(f"{name} ({nodes[name]:,})" for name in graph.nodes)
    alt = f"Node types and their edges: {names}"
    return Chart("schema", "Types and their edges", alt, draw, counted, _WIDTH, _HEIGHT)


def _arrow(
    axes: Axes,
    palette: Palette,
    edge: EdgeType,
    count: int,
    number: int,
    places: Mapping[str, Place],
    target_radius: float,
) -> None:
    """The `number`-th arrow between two types; the first is straight, others bend aside."""
    bend = _BEND * ((number + 1) // 2) * (-1) ** number
    axes.add_patch(
        FancyArrowPatch(
            places[edge.source],
            places[edge.target],
            arrowstyle="-|>",
            connectionstyle=f"arc3,rad={bend if edge.source < edge.target else -bend}",
            mutation_scale=8,
            linewidth=0.5 + 0.3 * log10(count),
            color=palette.muted,
            shrinkA=0,
            shrinkB=target_radius * _WIDTH / (2 * _HALF_WIDTH),
        )
    )


def _circle(
    axes: Axes, palette: Palette, name: str, count: int, place: Place, radius: float
) -> None:
    x, y = place
    colours = node_colours(name)
    axes.add_patch(Circle(place, radius, facecolor=colours.fill, edgecolor=colours.border))
    # Names are outside the ring; that of the type in the middle is below it.
    right, up = (x, y) if x or y else (0.0, -1.0)
    away = radius + 0.05
    axes.text(
        x + right * away,
        y + up * away,
        f"{name}\n{count:,}",
        ha="left" if right > _ASIDE else "right" if right < -_ASIDE else "center",
        va="bottom" if up > 1 - _ASIDE else "top" if up < _ASIDE - 1 else "center",
        fontsize=11.5,
        color=palette.ink,
        bbox={"facecolor": palette.surface, "edgecolor": "none", "pad": 1, "alpha": 0.85},
    )


def _places(graph: "nx.Graph[str]") -> dict[str, Place]:
    """Places the type with the most neighbors at 0, 0, and the others around it."""
    hub = max(graph.nodes, key=lambda name: graph.degree[name])
    others = [name for name in graph.nodes if name != hub]
    if len(graph) > 2:
        found = nx.kamada_kawai_layout(graph, pos=nx.circular_layout(graph))
        angle = {name: atan2(*(found[name] - found[hub])[::-1]) for name in others}
        others.sort(key=lambda name: angle[name])
        # The one with the most arrows to the middle on top, away from the name there.
        top = max(others, key=lambda name: graph.get_edge_data(hub, name, {_EDGES: 0})[_EDGES])
        others = others[others.index(top) :] + others[: others.index(top)]
    turn = 2 * pi / max(len(others), 1)
    around = {
        name: (cos(pi / 2 + turn * number), sin(pi / 2 + turn * number))
        for number, name in enumerate(others)
    }
    return {hub: (0.0, 0.0), **around}
