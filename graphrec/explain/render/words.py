"""Writes an explanation as plain text, or as a Cypher query for Neo4j Browser."""

from collections.abc import Iterator
from itertools import pairwise

from graphdb.printable import literal, printable, quoted
from graphrec.explain.parts import (
    Evidence,
    ExplainedPath,
    PathEdge,
    PathGroup,
    PathGroups,
    PathNode,
)


def text(explanation: PathGroups) -> str:
    """The whole explanation, several lines."""
    return "\n".join(map(printable, _lines(explanation))) + "\n"


def _lines(explanation: PathGroups) -> Iterator[str]:
    yield title(explanation)
    if not explanation:
        yield nothing_found(explanation)
    for number, group in enumerate(explanation.groups, start=1):
        yield ""
        yield f"{number}. {headline(group)}"
        for path in group.paths:
            yield f"   {path_text(path)}"
        if others(group):
            yield f"   {others(group)}"


def title(explanation: PathGroups) -> str:
    return f"Why {explanation.target} for {explanation.query}"


def nothing_found(explanation: PathGroups) -> str:
    hops = explanation.max_hops
    found = f"No path of {hops} edge{'' if hops == 1 else 's'} or fewer connects them"
    return f"{found}{'' if explanation.whole else ', but for some over nodes of very many edges'}."


def headline(group: PathGroup) -> str:
    """What stands at each place of all paths: one node by name, several by number.

    User:u1 → 5 Product nodes → Brand:b1 'Acme' → Product:p1: five bought products of one brand.
    """
    query, *between, target = zip(group.paths[0].nodes, group.widths, strict=True)
    inner = (str(node) if width == 1 else f"{width:,} {node.type} nodes" for node, width in between)
    ends = [f"{node.type}:{node.id}" for node, _ in (query, target)]
    return " → ".join([ends[0], *inner, ends[1]])


def others(group: PathGroup) -> str:
    """How many paths are not shown; empty where all are."""
    count = group.num_paths - len(group.paths)
    if group.at_least:
        return f"and at least {count:,} more, not all counted" if count else "and more, not counted"
    return f"and {count:,} more path{'' if count == 1 else 's'} like these" if count else ""


def path_text(path: ExplainedPath) -> str:
    """A path as Cypher would draw it, with the evidence at the edges."""
    parts = [str(path.nodes[0])]
    for edge, (before, after) in zip(path.edges, pairwise(path.nodes), strict=True):
        label = edge_text(edge)
        parts.append(
            f"-[{label}]-> {after}" if runs_ahead(edge, before) else f"<-[{label}]- {after}"
        )
    return " ".join(parts)


def runs_ahead(edge: PathEdge, before: PathNode) -> bool:
    """Whether the path goes the way of the edge."""
    return edge.source == before


def edge_text(edge: PathEdge) -> str:
    """The relation and, where it says anything, its evidence."""
    words = evidence_text(edge.evidence)
    return f"{edge.relation}: {words}" if words else edge.relation


def evidence_text(evidence: Evidence | None) -> str:
    """In a few words; empty where there is nothing to tell.

    >>> evidence_text(Evidence(times=3, value=12.5, stars=4))
    '3 times, 12.50 paid, 4 stars'
    """
    if evidence is None:
        return ""
    parts = []
    if evidence.times > 1:
        parts.append(f"{evidence.times:,} times")
    if evidence.last_at is not None:
        last = "last " if evidence.times > 1 else ""
        parts.append(f"{last}{evidence.last_at:%Y-%m-%d}")
    if evidence.since is not None:
        parts.append(f"since {evidence.since:%Y-%m-%d}")
    if evidence.value is not None:
        parts.append(f"{evidence.value:,.2f} paid")
    if evidence.stars is not None:
        parts.append(f"{evidence.stars:g} star{'' if evidence.stars == 1 else 's'}")
    return ", ".join(parts)


_TITLE = "// Why: the strongest ways from the query node to the target"


def cypher(explanation: PathGroups) -> str:
    """See `Explanation.to_cypher`. Ids are literals, escaped; the comment holds none."""
    if not explanation:
        return f"{_TITLE}\n// none was found\nRETURN null AS way LIMIT 0\n"
    return f"{_TITLE}\n" + "\nUNION ALL\n".join(map(_match, explanation.paths)) + "\n"


def _match(path: ExplainedPath) -> str:
    pattern, newest = _node(0, path.nodes[0]), []
    for number, (edge, (before, after)) in enumerate(
        zip(path.edges, pairwise(path.nodes), strict=True)
    ):
        arrow = f"[r{number}:{quoted(edge.relation)}]"
        ahead = runs_ahead(edge, before)
        pattern += f"-{arrow}->" if ahead else f"<-{arrow}-"
        pattern += _node(number + 1, after)
        newest.append(f"r{number}.at DESC")
    # A pair may have many events; one row per path, drawn by the newest of them.
    order = ", ".join(newest)
    return f"MATCH way = {pattern}\nRETURN way ORDER BY {order} LIMIT 1"


def _node(number: int, node: PathNode) -> str:
    return f"(n{number}:{quoted(node.type)} {{{quoted(node.key)}: {literal(node.id)}}})"
