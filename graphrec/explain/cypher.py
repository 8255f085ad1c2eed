"""The paths of an explanation as a query for Neo4j Browser."""

from itertools import pairwise

from graphdb.cypher_text import literal, quoted
from graphrec.explain.explanation import ExplainedPath, Explanation, PathNode
from graphrec.explain.words import runs_ahead

_TITLE = "// Why: the strongest ways from the seed to the target"


def cypher(explanation: Explanation) -> str:
    """See `Explanation.to_cypher`. Ids are literals, escaped; the comment holds none."""
    if not explanation:
        return f"{_TITLE}\n// none was found\nRETURN null AS way LIMIT 0\n"
    return f"{_TITLE}\n" + "\nUNION ALL\n".join(map(_match, explanation.paths)) + "\n"


def _match(path: ExplainedPath) -> str:
    pattern, newest = _node(0, path.nodes[0]), []
    for number, (edge, (before, after)) in enumerate(
        zip(path.edges, pairwise(path.nodes), strict=True)
    ):
        tie = f"[r{number}:{quoted(edge.relation)}]"
        ahead = runs_ahead(edge, before)
        pattern += f"-{tie}->" if ahead else f"<-{tie}-"
        pattern += _node(number + 1, after)
        newest.append(f"r{number}.at DESC")
    # A pair may have many events; one row per path, drawn by the newest of them.
    order = ", ".join(newest)
    return f"MATCH way = {pattern}\nRETURN way ORDER BY {order} LIMIT 1"


def _node(number: int, node: PathNode) -> str:
    return f"(n{number}:{quoted(node.type)} {{{quoted(node.key)}: {literal(node.id)}}})"
