"""Defines an explanation and its forms: text, graph, query, page and drawing."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.explain.parts import PathGroups, PathNode
from graphrec.explain.render import draw
from graphrec.explain.render.html import drawing, page
from graphrec.explain.render.words import cypher, text, title

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True)
class Explanation(PathGroups):
    """Why a target fits a query node: groups of paths in the graph, strongest first.

    It is false if no path was found.
    """

    def to_text(self) -> str:
        """Returns a text: what connects the two nodes, and the paths with their evidence."""
        return text(self)

    def to_networkx(self) -> "nx.MultiDiGraph":
        """Returns the paths as one graph.

        Nodes are (type, id) pairs with the attributes type, id, name and role ('query node',
        'target' or 'between'). Edges run as they do in the graph, have the relation as key, and
        carry relation and evidence as attributes.
        """
        return _networkx_graph(self)

    def to_cypher(self) -> str:
        """Returns a query for Neo4j Browser that finds these paths as `way`.

        Values are filled in. Of repeated events, it returns the newest. Without paths, its result
        is empty.
        """
        return cypher(self)

    def to_html(self) -> str:
        """Returns a page with the drawing and the text; it needs no network and no script."""
        return page(self)

    def __repr__(self) -> str:
        found = "no path" if not self else f"paths: {len(self.paths)}"
        return f"<{title(self)}, {found}>"

    def _repr_html_(self) -> str:
        return drawing(self)

    def draw(self, path: str | Path) -> Path:
        """Writes a drawing: a picture for `.png` (needs matplotlib), a page for `.html`.

        Raises:
            QueryError: The suffix is another one, the folder cannot be written, or matplotlib is
                missing.
        """
        return draw(self, Path(path))


def _networkx_graph(explanation: PathGroups) -> "nx.MultiDiGraph":
    """See `Explanation.to_networkx`."""
    import networkx as nx  # slow import

    graph = nx.MultiDiGraph()
    for node, role in ((explanation.query, "query"), (explanation.target, "target")):
        graph.add_node(_key(node), **node.to_dict(), role=role)
    for path in explanation.paths:
        for node in path.nodes[1:-1]:
            graph.add_node(_key(node), **node.to_dict(), role="between")
        for edge in path.edges:
            known = edge.evidence.to_dict() if edge.evidence else {}
            ends = _key(edge.source), _key(edge.target)
            graph.add_edge(*ends, key=edge.relation, relation=edge.relation, **known)
    return graph


def _key(node: PathNode) -> tuple[str, str]:
    return node.type, node.id
