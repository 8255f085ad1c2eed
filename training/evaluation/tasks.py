"""Defines the evaluation tasks: query type, target type and true targets.

It also computes the revenue of every true pair (payments less refunds), and finds peak days with
far more events than usual, such as sales and holidays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from graphdb.checked_schema import Schema
from graphdb.errors import InsufficientDataError
from graphdb.schema_types import EdgeType
from graphrec import Seen
from graphrec.bundle import Adjacency
from graphrec.query.metapaths import CATEGORY, GROUPS, PARENT, CategoryTree
from graphrec.query.seen import USUAL
from training.data import AT_S, COUNT, DAY_S, OPINION, HeteroData, edge_types_of
from training.evaluation.metrics import Rows, Values
from training.evaluation.results import FEWEST_QUERIES, LeakFinding, too_few_queries
from training.pairs import adjacency, compose, liked, pair_keys, with_targets, without
from training.splitting.split import Holdout

VALUE = "value"


@dataclass(frozen=True, slots=True, eq=False)
class Payments:
    """Money paid by queries for targets, per event; negative for refunds.

    Args:
        queries: Query node row per event.
        targets: Target row per event.
        amounts: float64.
        at_s: Epoch seconds.
    """

    queries: Rows
    targets: Rows
    amounts: Values
    at_s: Rows

    def part(self, kept: npt.NDArray[np.bool_]) -> "Payments":
        return Payments(self.queries[kept], self.targets[kept], self.amounts[kept], self.at_s[kept])

    def along(self, edges: Adjacency) -> "Payments":
        """Moves amounts to the groups of the targets, such as brands; each gets all of it."""
        number = edges.degrees()[self.targets]
        return Payments(
            np.repeat(self.queries, number),
            edges.gather(self.targets).astype(np.int64),
            np.repeat(self.amounts, number),
            np.repeat(self.at_s, number),
        )

    def gains(self, truth: Adjacency) -> Values:
        """Returns the net amount of every true pair, at least 0, float64 [num_edges]."""
        known, keys = pair_keys(truth), self.queries * truth.num_targets + self.targets
        places = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
        is_true = known[places] == keys if len(known) else np.zeros(len(keys), dtype=np.bool_)
        net = np.bincount(places[is_true], self.amounts[is_true], truth.num_edges)
        return np.maximum(net, 0.0)


def payments(
    graph: HeteroData, schema: Schema, target_edge_type: EdgeType, since_s: int
) -> Payments:
    """Returns values of the target edge type's events from a time on, less negative ones.

    Negative events are those of relations between the same two ends with a negative event weight,
    such as returns. Events of unknown value count as 0.
    """
    parts = []
    for edge_type in edge_types_of(graph):
        if (edge_type.source, edge_type.target) != (
            target_edge_type.source,
            target_edge_type.target,
        ):
            continue
        against = schema.relation(edge_type.relation).event_weight < 0
        store = graph[edge_type]
        if (edge_type != target_edge_type and not against) or VALUE not in store:
            continue
        queries, targets = store.edge_index.numpy()
        amounts = store[VALUE].numpy().astype(np.float64) * (-1.0 if against else 1.0)
        found = Payments(queries, targets, amounts, store[AT_S].numpy())
        parts.append(found.part(np.isfinite(amounts) & (found.at_s >= since_s)))
    empty = np.empty(0, dtype=np.int64)
    parts.append(Payments(empty, empty, np.empty(0), empty))
    joined = (
        np.concatenate([getattr(one, name) for one in parts])
        for name in ("queries", "targets", "amounts", "at_s")
    )
    return Payments(*joined)


TIMES_USUAL = 1.5
DEVIATIONS = 4.0
USUAL_DAYS = 56


def peak_days(at_s: Rows, since_s: int) -> Rows:
    """Returns the days (UTC) from a time on with far more events than usual.

    The usual number is the median per day, from eight weeks before the time to the last event. A
    peak has at least 1.5 times as many, and more than the usual number + 4 standard deviations of a
    Poisson variable.

    Args:
        at_s: Epoch seconds of all events.

    Returns:
        Days since 1970, int64, ascending.
    """
    first = since_s // DAY_S - USUAL_DAYS
    days = at_s[at_s >= first * DAY_S] // DAY_S
    if not len(days):
        return np.empty(0, dtype=np.int64)
    counts = np.bincount(days - first)
    begun = counts[int(days.min() - first) :]
    usual = float(np.median(begun))
    least = max(TIMES_USUAL * usual, usual + DEVIATIONS * np.sqrt(max(usual, 1.0)))
    peaks = np.flatnonzero(counts >= least) + first
    return peaks[peaks >= since_s // DAY_S]


def on_days(at_s: Rows, days: Rows) -> npt.NDArray[np.bool_]:
    """Returns which times are on one of the days."""
    return np.isin(at_s // DAY_S, days)


ALL, REPEAT, NEW, NEW_GROUPS = "all products", "bought before", "new products", "new brands"
NEW_CATEGORIES = "new categories"
PEAK, OTHER_DAYS = "peak days", "other days"
FIRST = (ALL, NEW, NEW_GROUPS)
"""The tasks of `graphrec train`."""


@dataclass(frozen=True, slots=True, eq=False)
class EvalTarget:
    """A target edge type with its training graph.

    Args:
        edge_type: The edge type from queries to targets, in `schema`.
        graph: The past, with the training edges of that type.
        schema: The schema of that graph.
        seen: The seen targets of every query node.
    """

    edge_type: EdgeType
    graph: HeteroData
    schema: Schema
    seen: Adjacency


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One question with known answers.

    Args:
        name: Its name in tables.
        exclude_seen: Whether to exclude seen targets; a rule defines what counts as seen.
        truth: The true targets per query node row.
        gains: The gain of each, aligned with the truth's indices; None without money.
        levels: Which categories the lists have, where targets are categories: 'leaf' ones, as by
            default in serving, or 'all'.
    """

    name: str
    target: EvalTarget
    exclude_seen: bool | Seen
    truth: Adjacency
    gains: Values | None = None
    levels: Literal["leaf", "all"] = "all"

    @property
    def query_type(self) -> str:
        return self.target.edge_type.source

    @property
    def target_type(self) -> str:
        return self.target.edge_type.target


def first_tasks(
    holdout: Holdout, schema: Schema, group_edge_type: EdgeType, paid: Payments | None = None
) -> list[Task]:
    """Returns the tasks of all products, new products and new brands.

    Args:
        group_edge_type: From products to brands; ignored if the graph lacks it.
        paid: The revenue of events after the cut-off; None without money.
    """
    graph = holdout.train_graph
    seen = _rule(holdout.edge_type)
    main = EvalTarget(holdout.edge_type, graph, schema, adjacency(graph, holdout.edge_type))
    tasks = [
        Task(ALL, main, False, holdout.truth, _gains(paid, holdout.truth)),
        Task(NEW, main, seen, holdout.new_truth, _gains(paid, holdout.new_truth)),
    ]
    if group_edge_type in edge_types_of(graph):
        made_by = adjacency(graph, group_edge_type)
        groups = _of_groups(main, group_edge_type, made_by)
        if groups.seen.num_edges:  # otherwise there is nothing to train on
            truth = without(compose(holdout.truth, made_by), groups.seen)
            brought = None if paid is None else paid.along(made_by)
            tasks.append(Task(NEW_GROUPS, groups, seen, truth, _gains(brought, truth)))
    return _asked(tasks)


def all_tasks(
    graph: HeteroData, holdout: Holdout, schema: Schema, group_edge_type: EdgeType
) -> list[Task]:
    """Returns these tasks, 'bought before', new categories, peak and other days, other relations.

    Without a cut-off, only the first tasks, 'bought before' and new categories.

    Args:
        graph: Past and future.
    """
    paid = _paid(graph, holdout, schema)
    first = first_tasks(holdout, schema, group_edge_type, paid)
    main = first[0].target
    repeated = without(holdout.truth, holdout.new_truth)
    again = Task(REPEAT, main, False, repeated, _gains(paid, repeated))
    tasks = [*first[:1], again, *first[1:], *_new_categories(main, holdout, paid)]
    if holdout.cutoff_s is not None:
        tasks += _by_day(graph, holdout.cutoff_s, main, paid)
        tasks += _other_relations(graph, holdout.cutoff_s, main)
    return _asked(tasks)


def _new_categories(main: EvalTarget, holdout: Holdout, paid: Payments | None) -> Iterator[Task]:
    """Returns the task of the leaf categories that products are in, without those seen before."""
    (edge_type,) = GROUPS[CATEGORY].edge_types
    is_main = main.edge_type.target == edge_type.source
    if not is_main or edge_type not in edge_types_of(main.graph):
        return
    members = adjacency(main.graph, edge_type)
    groups = _of_groups(main, edge_type, members)
    if not groups.seen.num_edges:
        return
    bought = with_targets(compose(holdout.truth, members), leaf_categories(main.graph))
    truth = without(bought, groups.seen)
    brought = None if paid is None else paid.along(members)
    rule = _rule(main.edge_type)
    yield Task(NEW_CATEGORIES, groups, rule, truth, _gains(brought, truth), levels="leaf")


def leaf_categories(graph: HeteroData) -> npt.NDArray[np.bool_]:
    """Returns which categories have none below them, bool [num_categories]."""
    num_categories = graph[CATEGORY].num_nodes
    (parents,) = PARENT.edge_types
    if parents not in edge_types_of(graph):
        return np.ones(num_categories, dtype=np.bool_)
    return CategoryTree(adjacency(graph, parents)).leaves


def check_enough(tasks: Sequence[Task], holdout: Holdout) -> LeakFinding | None:
    """Warns if the first task has too few queries for a figure.

    Raises:
        InsufficientDataError: The holdout has no pairs to predict, or there is only one target to
            rank.
    """
    edge_type, truth = holdout.edge_type, holdout.truth
    if truth.num_targets < 2:
        raise InsufficientDataError(
            f"there is {truth.num_targets} {edge_type.target} to rank",
            expected="at least 2, because a list of one target is always the same",
            next_step=f"use data with more {edge_type.target} nodes",
            value=truth.num_targets,
        )
    queries = int(np.count_nonzero(truth.degrees()))
    if not tasks:
        raise InsufficientDataError(
            f"no {edge_type.source} has a {edge_type} edge that was held out",
            expected=f"at least {FEWEST_QUERIES}",
            next_step=_more_queries(holdout),
            value=queries,
        )
    if queries >= FEWEST_QUERIES:
        return None
    return LeakFinding(
        check="number of queries",
        level="warning",
        message=f"{too_few_queries(queries)}: so many {edge_type.source} nodes have {edge_type} "
        f"edges that were held out, and a figure needs {FEWEST_QUERIES}; {_more_queries(holdout)}",
        figures={"queries": queries, "needed": FEWEST_QUERIES},
    )


def _more_queries(holdout: Holdout) -> str:
    """Returns the next step: a longer holdout helps only if further queries have earlier events."""
    pairs = adjacency(holdout.train_graph, holdout.edge_type).degrees()
    could = int(np.count_nonzero((holdout.truth.degrees() > 0) | (pairs > 0)))
    source = holdout.edge_type.source
    if could < FEWEST_QUERIES:
        return f"use more data: only {could} {source} nodes have any such edge"
    if holdout.cutoff_s is None:
        return "hold out pairs of more of them"
    return "hold out more days"


def _rule(edge_type: EdgeType) -> bool | Seen:
    """Returns what counts as seen: the default, or the target relation."""
    usual = USUAL.get((edge_type.source, edge_type.target), edge_type.relation)
    return True if usual == edge_type.relation else Seen(relations=(edge_type.relation,))


def _asked(tasks: list[Task]) -> list[Task]:
    """Returns the tasks with true targets."""
    return [task for task in tasks if task.truth.num_edges]


def _gains(paid: Payments | None, truth: Adjacency) -> Values | None:
    return None if paid is None else paid.gains(truth)


def _paid(graph: HeteroData, holdout: Holdout, schema: Schema) -> Payments | None:
    """Returns the payments after the cut-off; None without money or a cut-off."""
    if holdout.cutoff_s is None:
        return None
    paid = payments(graph, schema, holdout.edge_type, holdout.cutoff_s)
    return paid if paid.amounts.any() else None


def _by_day(
    graph: HeteroData, cutoff_s: int, main: EvalTarget, paid: Payments | None
) -> Iterator[Task]:
    """Returns the tasks of peak days and of other days; none without peaks."""
    at_s = graph[main.edge_type][AT_S].numpy()
    peaks = peak_days(at_s, cutoff_s)
    if not len(peaks):
        return
    late, at_peak = at_s >= cutoff_s, on_days(at_s, peaks)
    for name, kept in ((PEAK, late & at_peak), (OTHER_DAYS, late & ~at_peak)):
        truth = liked(graph, main.edge_type, torch.from_numpy(kept))
        brought = None
        if paid is not None:
            brought = paid.part(on_days(paid.at_s, peaks) == (name == PEAK))
        yield Task(name, main, False, truth, _gains(brought, truth))


def _other_relations(graph: HeteroData, cutoff_s: int, main: EvalTarget) -> Iterator[Task]:
    """Returns the tasks of first interactions with other node types, such as follows."""
    past, schema, known = main.graph, main.schema, main.edge_type
    for edge_type in edge_types_of(graph):
        relation = schema.relation(edge_type.relation)
        tells_taste = relation.is_event and relation.event_weight > 0
        is_other = edge_type.source == known.source and edge_type.target != known.target
        if not (tells_taste and is_other):
            continue
        seen = adjacency(past, edge_type)
        if not seen.num_edges:
            continue
        late = graph[edge_type][AT_S] >= cutoff_s
        truth = without(liked(graph, edge_type, late), seen)
        rule = Seen(relations=(edge_type.relation,))
        yield Task(str(edge_type), EvalTarget(edge_type, past, schema, seen), rule, truth)


def _of_groups(main: EvalTarget, edge: EdgeType, members: Adjacency) -> EvalTarget:
    """Returns the target from queries to what targets are connected to, such as their brands.

    Each event with a product becomes one with its brand. As in serving, a seen category includes
    its ancestors.
    """
    edge_type = EdgeType(main.edge_type.source, main.edge_type.relation, edge.target)
    relation = main.schema.relation(edge_type.relation)
    ends = tuple(dict.fromkeys((*relation.ends, (edge_type.source, edge_type.target))))
    relations = {**main.schema.relations, relation.name: replace(relation, ends=ends)}
    store = main.graph[main.edge_type]
    queries, targets = store.edge_index.numpy()
    number = members.degrees()[targets]
    graph = HeteroData()
    for end in (edge_type.source, edge_type.target):
        graph[end].num_nodes = main.graph[end].num_nodes
    groups = members.gather(targets).astype(np.int64)
    graph[edge_type].edge_index = torch.from_numpy(np.stack([np.repeat(queries, number), groups]))
    for name in {AT_S, COUNT, OPINION} & set(store.keys()):  # static edges have no count
        graph[edge_type][name] = store[name].repeat_interleave(torch.from_numpy(number))
    schema = Schema(main.schema.node_types, relations)
    seen = adjacency(graph, edge_type)
    (parents,) = PARENT.edge_types
    if edge.target == CATEGORY and parents in edge_types_of(main.graph):
        seen = compose(seen, CategoryTree(adjacency(main.graph, parents)).ancestors)
    return EvalTarget(edge_type, graph, schema, seen)
