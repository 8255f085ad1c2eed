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
from graphrec.query.facts import Language, phrase


def text(explanation: PathGroups) -> str:
    """The whole explanation, several lines."""
    return "\n".join(map(printable, _lines(explanation))) + "\n"


def _lines(explanation: PathGroups) -> Iterator[str]:
    language = explanation.language
    yield title(explanation)
    yield from explanation.reasons
    if not explanation:
        yield nothing_found(explanation)
    for number, group in enumerate(explanation.groups, start=1):
        yield ""
        yield f"{number}. {headline(group, language)}"
        for path in group.paths:
            yield f"   {path_text(path, language)}"
        if others(group, language):
            yield f"   {others(group, language)}"


def title(explanation: PathGroups) -> str:
    said = phrase("why", explanation.language)
    return said.format(target=explanation.target, query=explanation.query)


def nothing_found(explanation: PathGroups) -> str:
    hops, language = explanation.max_hops, explanation.language
    but = "" if explanation.whole else phrase("not_whole", language)
    return phrase("no_edge" if hops == 1 else "no_path", language).format(n=hops, but=but)


def headline(group: PathGroup, language: Language = "en") -> str:
    """What stands at each place of all paths: one node by name, several by number.

    User:u1 → 5 Product nodes → Brand:b1 'Acme' → Product:p1: five bought products of one brand.
    """
    query, *between, target = zip(group.paths[0].nodes, group.widths, strict=True)
    nodes = phrase("nodes", language)
    inner = (
        str(node) if width == 1 else nodes.format(n=f"{width:,}", type=node.type)
        for node, width in between
    )
    ends = [f"{node.type}:{node.id}" for node, _ in (query, target)]
    return " → ".join([ends[0], *inner, ends[1]])


def others(group: PathGroup, language: Language = "en") -> str:
    """How many paths are not shown; empty where all are."""
    count = group.num_paths - len(group.paths)
    if group.at_least:
        name = "at_least" if count else "not_counted"
    elif count:
        name = "more_path" if count == 1 else "more_paths"
    else:
        return ""
    return phrase(name, language).format(n=f"{count:,}")


def path_text(path: ExplainedPath, language: Language = "en") -> str:
    """A path as Cypher would draw it, with the evidence at the edges."""
    parts = [str(path.nodes[0])]
    for edge, (before, after) in zip(path.edges, pairwise(path.nodes), strict=True):
        label = edge_text(edge, language)
        parts.append(
            f"-[{label}]-> {after}" if runs_ahead(edge, before) else f"<-[{label}]- {after}"
        )
    return " ".join(parts)


def runs_ahead(edge: PathEdge, before: PathNode) -> bool:
    """Whether the path goes the way of the edge."""
    return edge.source == before


def edge_text(edge: PathEdge, language: Language = "en") -> str:
    """The relation and, where it says anything, its evidence."""
    words = evidence_text(edge.evidence, language)
    return f"{edge.relation}: {words}" if words else edge.relation


def evidence_text(evidence: Evidence | None, language: Language = "en") -> str:
    """In a few words; empty where there is nothing to tell.

    >>> evidence_text(Evidence(times=3, value=12.5, stars=4))
    '3 times, 12.50 paid, 4 stars'
    """
    if evidence is None:
        return ""
    parts: list[tuple[str, dict[str, str]]] = []
    if evidence.times > 1:
        parts.append(("times", {"n": f"{evidence.times:,}"}))
    if evidence.last_at is not None:
        name = "last" if evidence.times > 1 else "on"
        parts.append((name, {"day": f"{evidence.last_at:%Y-%m-%d}"}))
    if evidence.since is not None:
        parts.append(("from", {"day": f"{evidence.since:%Y-%m-%d}"}))
    if evidence.value is not None:
        parts.append(("paid", {"value": f"{evidence.value:,.2f}"}))
    if evidence.stars is not None:
        name = "star" if evidence.stars == 1 else "stars"
        parts.append((name, {"n": f"{evidence.stars:g}"}))
    said = [phrase(name, language).format(**values) for name, values in parts]
    return phrase("comma", language).join(said)


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
