"""Explains why a target fits a query node, by paths in the graph."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from graphdb.errors import QueryError
from graphrec.bundle import Bundle
from graphrec.explain.explanation import Explanation
from graphrec.explain.parts import (
    EdgeKey,
    EdgeSource,
    Evidence,
    ExplainedPath,
    PathEdge,
    PathGroup,
    PathNode,
    look_up,
)
from graphrec.explain.search import Found, find_paths, most_telling
from graphrec.explain.steps import Allowed, Steps
from graphrec.query.facts import LANGUAGES, Language
from graphrec.query.limits import MOST_K
from graphrec.query.metapaths import Paths
from graphrec.query.options import check_choice, check_whole
from graphrec.query.reasons import Display, Reasons, Sight

LONGEST_HOPS = 4


def explain(
    bundle: Bundle,
    query: tuple[str, str],
    target: tuple[str, str],
    *,
    k: int = 3,
    examples: int = 3,
    max_hops: int = 4,
    evidence: EdgeSource | None = None,
    allowed: Allowed | None = None,
    language: Language = "en",
) -> Explanation:
    """Explains one pair of nodes, each given as (type, id); see `Explainer.explain`."""
    return Explainer(bundle, Paths(bundle)).explain(
        query,
        target,
        k=k,
        examples=examples,
        max_hops=max_hops,
        evidence=evidence,
        allowed=allowed,
        language=language,
    )


class Explainer:
    """Explains pairs of nodes of one bundle.

    Args:
        paths: Caches the reversed edges, which are computed once and shared.
    """

    def __init__(self, bundle: Bundle, paths: Paths) -> None:
        self._bundle = bundle
        self._steps = Steps(bundle, paths)
        self._display = Display(bundle, paths)
        self._reasons = Reasons(paths, self._display)

    def explain(
        self,
        query: tuple[str, str],
        target: tuple[str, str],
        *,
        k: int = 3,
        examples: int = 3,
        max_hops: int = 4,
        evidence: EdgeSource | None = None,
        allowed: Allowed | None = None,
        language: Language = "en",
    ) -> Explanation:
        """Returns the strongest paths between a query node and a target.

        Every edge of every path is in the bundle. With `evidence`, it is there as well: paths with
        other edges are excluded.

        Args:
            k: The number of node type sequences, 1 or more.
            examples: The number of paths to show for each, 1 or more.
            max_hops: The longest paths to look for, 1 to 4 edges.
            evidence: A snapshot or an open store, for count, last time and money of each edge. It
                also ranks paths with more evidence above others of their sequence.
            allowed: Which nodes may be on a path, ends included; all by default.
            language: Of the sentences: "en" or "zh".

        Raises:
            UnknownIdError: No node of that type has that id.
            QueryError: Query node and target are one node, or a number is out of range.
            SchemaError: There is no such node type, or the evidence has no such edges.
        """
        check_whole("k", k, 1, MOST_K)
        check_whole("examples", examples, 1, MOST_K)
        check_whole("max_hops", max_hops, 1, LONGEST_HOPS)
        check_choice("language", language, LANGUAGES)
        ends = [(name, self._bundle.row_of(name, node_id)) for name, node_id in (query, target)]
        if ends[0] == ends[1]:
            raise QueryError(
                f"{query[0]} '{query[1]}' is both query node and target",
                expected="two different nodes",
                value=query,
            )
        found, whole = find_paths(
            self._steps, *ends, max_hops=max_hops, allowed=allowed or (lambda _: None)
        )
        groups: list[PathGroup] = []
        while found and len(groups) < k:
            wanted, found = found[: k - len(groups)], found[k - len(groups) :]
            for group, paths in zip(wanted, self._paths(wanted, evidence), strict=True):
                if paths:
                    groups.append(_group(group, most_telling(paths, examples)))
        query_node, target_node = (self._node(*end) for end in ends)
        (query_type, query_row), (target_type, target_row) = ends
        (reasons,) = self._reasons.between(
            query_type,
            np.array([query_row]),
            target_type,
            np.array([target_row]),
            language=language,
            sight=Sight(allowed),
        )
        return Explanation(
            query_node, target_node, tuple(groups), max_hops, whole, reasons, language
        )

    def _paths(
        self, groups: Sequence[Found], source: EdgeSource | None
    ) -> list[list[ExplainedPath]]:
        """Returns the kept paths of each group with their evidence, strongest first."""
        edges = [self._edges(group) for group in groups]
        known = None
        if source is not None:  # once for all groups, because every lookup reads a whole file
            known = look_up(source, {key for paths in edges for path in paths for key in path})
        return [self._told(group, paths, known) for group, paths in zip(groups, edges, strict=True)]

    def _edges(self, group: Found) -> list[list[EdgeKey]]:
        """Returns the edges of every kept path."""
        return [
            [self._edge(step, ends) for step, ends in zip(steps, pairwise(nodes), strict=True)]
            for steps, nodes in zip(group.steps.tolist(), _typed(group), strict=True)
        ]

    def _told(
        self, group: Found, edges: list[list[EdgeKey]], known: Mapping[EdgeKey, Evidence] | None
    ) -> list[ExplainedPath]:
        """Returns the paths of a group whose edges are all in the evidence."""
        paths = [
            self._path(path, nodes, strength, known)
            for path, nodes, strength in zip(
                edges, _typed(group), group.strengths.tolist(), strict=True
            )
            if known is None or all(key in known for key in path)
        ]
        return sorted(
            paths, key=lambda path: -path.strength
        )  # stable, so ties keep the order of rows

    def _edge(self, number: int, ends: tuple[tuple[str, int], tuple[str, int]]) -> EdgeKey:
        """Returns the edge of a step, looked up in the bundle and not in derived data."""
        step = self._steps.all[number].step
        (source_type, source), (target_type, target) = ends[::-1] if step.backwards else ends
        targets = self._bundle.edges(step.edge_type).targets(source)
        place = int(np.searchsorted(targets, target))
        assert place < len(targets) and targets[place] == target, "every edge found exists"
        return EdgeKey(
            step.edge_type,
            self._bundle.id_of(source_type, source),
            self._bundle.id_of(target_type, target),
        )

    def _path(
        self,
        keys: list[EdgeKey],
        nodes: list[tuple[str, int]],
        strength: float,
        known: Mapping[EdgeKey, Evidence] | None,
    ) -> ExplainedPath:
        seen = [self._node(*node) for node in nodes]
        edges = []
        for key, (before, after) in zip(keys, pairwise(seen), strict=True):
            ahead = (before.type, before.id) == (key.edge_type.source, key.source_id)
            source, target = (before, after) if ahead else (after, before)
            found = known[key] if known is not None else None
            strength *= found.factor if found else 1.0
            edges.append(PathEdge(source, key.edge_type.relation, target, found))
        return ExplainedPath(tuple(seen), tuple(edges), strength)

    def _node(self, node_type: str, row: int) -> PathNode:
        return PathNode(
            node_type,
            self._bundle.id_of(node_type, row),
            self._display.names_of(node_type, np.array([row]))[0],
            self._bundle.schema.node_type(node_type).key,
        )


def _typed(group: Found) -> Iterator[list[tuple[str, int]]]:
    """Returns the kept paths as (type, row) of their nodes."""
    for rows in group.rows.tolist():
        yield list(zip(group.types, rows, strict=True))


def _group(found: Found, paths: tuple[ExplainedPath, ...]) -> PathGroup:
    return PathGroup(
        found.types, paths, found.num_paths, not found.whole, found.total, found.widths
    )
