"""What an explanation is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.explain.evidence import Evidence
from graphrec.explain.shortening import short

if TYPE_CHECKING:
    import networkx as nx


_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class PathNode:
    """A node on a path.

    Args:
        type: Its node type.
        id: Its id.
        name: What people call it; its id where it has no name.
        key: The property that holds the id, such as 'user_id'.
    """

    type: str
    id: str
    name: str
    key: str

    def __str__(self) -> str:
        """As people know it.

        >>> str(PathNode("User", "u1", "u1", "user_id"))
        'User:u1'
        >>> str(PathNode("Tag", "t1", "Soft", "tag_id"))
        "Tag:t1 'Soft'"
        """
        node = f"{self.type}:{self.id}"
        return node if self.name == self.id else f"{node} '{short(self.name, _LONGEST_NAME)}'"

    def to_dict(self) -> dict[str, Any]:
        return {"type": self.type, "id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True)
class PathEdge:
    """An edge on a path.

    Args:
        source, target: Its ends in the graph, whichever way the path goes.
        evidence: What is known of it; None where nobody was asked.
    """

    source: PathNode
    relation: str
    target: PathNode
    evidence: Evidence | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "source": self.source.to_dict(),
            "relation": self.relation,
            "target": self.target.to_dict(),
            "evidence": self.evidence.to_dict() if self.evidence else None,
        }


@dataclass(frozen=True, slots=True)
class ExplainedPath:
    """A way through the graph, from seed to target; no node twice.

    Args:
        nodes: The nodes, in order.
        edges: The edge between each node and the next, in either direction.
        strength: Higher is better; comparable within one explanation.
    """

    nodes: tuple[PathNode, ...]
    edges: tuple[PathEdge, ...]
    strength: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "nodes": [node.to_dict() for node in self.nodes],
            "edges": [edge.to_dict() for edge in self.edges],
            "strength": self.strength,
        }


@dataclass(frozen=True, slots=True)
class PathGroup:
    """All paths of one sequence of node types, with a few of them to show.

    Args:
        types: The node types, from seed to target.
        paths: The most telling paths, first the strongest; they differ where they can.
        num_paths: How many there are in all.
        at_least: There are more still; the weakest were not counted.
        strength: Of all of them together.
        widths: How many different nodes stand at each place of all paths.
    """

    types: tuple[str, ...]
    paths: tuple[ExplainedPath, ...]
    num_paths: int
    at_least: bool
    strength: float
    widths: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "types": list(self.types),
            "num_paths": self.num_paths,
            "at_least": self.at_least,
            "strength": self.strength,
            "widths": list(self.widths),
            "paths": [path.to_dict() for path in self.paths],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a target fits a seed: groups of paths in the graph, strongest first.

    False where no path was found.

    Args:
        max_hops: The longest paths that were looked for.
        whole: Whether all of the graph was looked at; if not, paths over nodes of very many ties
            may be missing.
    """

    seed: PathNode
    target: PathNode
    groups: tuple[PathGroup, ...]
    max_hops: int
    whole: bool

    def __bool__(self) -> bool:
        return bool(self.groups)

    @property
    def paths(self) -> tuple[ExplainedPath, ...]:
        """The paths of all groups."""
        return tuple(path for group in self.groups for path in group.paths)

    def to_text(self) -> str:
        """For people: what ties the two, and the paths with their evidence."""
        from graphrec.explain.words import text

        return text(self)

    def to_networkx(self) -> "nx.MultiDiGraph":
        """The paths as one graph.

        Nodes are (type, id) pairs with the attributes type, id, name and role ('seed', 'target' or
        'between'). Edges run as they do in the graph, have the relation as key, and carry relation
        and evidence as attributes.
        """
        from graphrec.explain.networkx_graph import networkx_graph

        return networkx_graph(self)

    def to_cypher(self) -> str:
        """A query that returns these very paths as `way`, for Neo4j Browser, values filled in.

        Of a repeated event the newest stands for all. Without any path it is an empty query.
        """
        from graphrec.explain.cypher import cypher

        return cypher(self)

    def to_html(self) -> str:
        """A page with the drawing and the text; it needs no network and no script."""
        from graphrec.explain.drawing.html import page

        return page(self)

    def draw(self, path: str | Path) -> Path:
        """Writes a drawing: a picture for `.png` (needs matplotlib), a page for `.html`.

        Raises:
            QueryError: Another ending, a folder that cannot be written, or matplotlib is missing.
        """
        from graphrec.explain.drawing import draw

        return draw(self, Path(path))

    def to_dict(self) -> Mapping[str, Any]:
        """Plain data, ready for JSON but for times."""
        return {
            "seed": self.seed.to_dict(),
            "target": self.target.to_dict(),
            "max_hops": self.max_hops,
            "whole": self.whole,
            "groups": [group.to_dict() for group in self.groups],
        }
