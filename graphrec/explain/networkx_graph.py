"""The paths of an explanation as one networkx graph."""

import networkx as nx

from graphrec.explain.explanation import Explanation, PathNode


def networkx_graph(explanation: Explanation) -> nx.MultiDiGraph:
    """See `Explanation.to_networkx`."""
    graph = nx.MultiDiGraph()
    for node, role in ((explanation.seed, "seed"), (explanation.target, "target")):
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
