"""Checks before the evaluation that the training graph does not reveal the holdout.

The checks look for late or missing training events, for new pairs of the holdout that training has,
for pairs that training has in another relation (views and carts before the purchase), and for edges
that were derived from held-out events.
"""

import numpy as np
import numpy.typing as npt

from graphdb.checked_schema import Schema
from graphdb.errors import DataLeakageError
from graphdb.schema_types import EdgeType
from graphrec.adjacency import sources_of
from graphrec.bundle import Adjacency
from training.baselines.popularity import hint_edge_types, waiting_pairs
from training.data import ALWAYS_S, AT_S, DAY_S, HeteroData, edge_types_of, side_edge_types
from training.evaluation.metrics import recall_at_k
from training.evaluation.results import LeakFinding
from training.pairs import adjacency, events, pair_keys
from training.splitting.split import Holdout


def nothing_after(holdout: Holdout, cutoff_s: int) -> LeakFinding:
    """Checks that training has no edge at or after the cut-off.

    Raises:
        DataLeakageError: There is one.
    """
    train, num_edges = holdout.train_graph, 0
    for edge_type in edge_types_of(train):
        at_s = train[edge_type][AT_S]
        num_edges += at_s.numel()
        num_late = int((at_s >= cutoff_s).sum())
        if num_late:
            raise DataLeakageError(
                f"training has {num_late:,} {edge_type} edges from the cut-off "
                f"{holdout.cutoff:%Y-%m-%d %H:%M} UTC on, the last "
                f"{(int(at_s.max()) - cutoff_s) / DAY_S:.1f} days after it",
                expected="none",
                next_step="cut the training graph with graph_before",
                value=str(edge_type),
            )
    return LeakFinding(
        check="nothing after the cut-off",
        level="ok",
        message="no event in training happened, and no static edge began, at or after the cut-off",
        figures={"edges": num_edges},
        details=(f"{num_edges:,} edges of training were checked.",),
    )


def cut_together(graph: HeteroData, holdout: Holdout, cutoff_s: int, schema: Schema) -> LeakFinding:
    """Checks that training has every event before the cut-off, in every relation.

    The figures are the missing events by relation, and the days between the last one and the
    cut-off: if these are many, the data of that relation ends early.
    """
    figures: dict[str, float] = {}
    short, details = [], []
    for edge_type in edge_types_of(graph):
        num_known = int((graph[edge_type][AT_S] < cutoff_s).sum())
        if not schema.relation(edge_type.relation).is_event or not num_known:
            continue
        kept_s = holdout.train_graph[edge_type][AT_S]
        num_missing = num_known - kept_s.numel()
        figures[f"{edge_type}, missing"] = num_missing
        if kept_s.numel():
            days = (cutoff_s - int(kept_s.max())) / DAY_S
            figures[f"{edge_type}, days to the cut-off"] = days
            details.append(f"The last {edge_type} event is {_ago(days)} before the cut-off.")
        if num_missing:
            short.append(f"{num_missing:,} {edge_type}")
    message = "all events have the same cut-off, and no earlier one is missing"
    if short:
        message = (
            f"training lacks events from before the cut-off ({', '.join(short)}), so models are "
            "worse than in serving"
        )
    return LeakFinding(
        check="auxiliary events",
        level="warning" if short else "ok",
        message=message,
        figures=figures,
        details=tuple(details),
    )


def _ago(days: float) -> str:
    """Formats a time in days, hours or minutes.

    >>> _ago(12.3), _ago(0.5), _ago(0.0008)
    ('12 days', '12 hours', '1 minute')
    """
    for unit, length in (("day", 1.0), ("hour", 1 / 24), ("minute", 1 / 1440)):
        number = round(days / length)
        if number or unit == "minute":
            return f"{number:,} {unit}" + ("" if number == 1 else "s")
    raise AssertionError("minutes are always returned")


def later_events(graph: HeteroData, holdout: Holdout) -> LeakFinding:
    """Measures the share of training that is later than the holdout, for splits without a cut-off.

    A repeated pair counts with its last time.
    """
    known = events(graph, holdout.edge_type)
    assert known.evidence is not None
    is_held = np.isin(pair_keys(known), pair_keys(holdout.truth), assume_unique=True)
    held_s = known.evidence.last_at_s[is_held]
    if not len(held_s) or int(held_s.min()) == int(held_s.max()):
        message = "the holdout has no times, so training may have later events"
        return LeakFinding(check="later events", level="warning", message=message)
    asked_from_s = np.full(known.num_sources, np.iinfo(np.int64).max)
    np.minimum.at(asked_from_s, sources_of(known)[is_held], held_s)
    num_dated = num_late = num_own = 0
    for edge_type in edge_types_of(holdout.train_graph):
        store = holdout.train_graph[edge_type]
        at_s = store[AT_S].numpy()
        num_dated += int((at_s != ALWAYS_S).sum())
        num_late += int((at_s >= np.median(held_s)).sum())
        if edge_type.source == holdout.edge_type.source:
            num_own += int((at_s >= asked_from_s[store.edge_index[0].numpy()]).sum())
    late, own = (number / max(num_dated, 1) for number in (num_late, num_own))
    return LeakFinding(
        check="later events",
        level="warning" if num_late or num_own else "ok",
        message=f"there is no single cut-off: {late:.1%} of training edges with a time are later "
        f"than half of the holdout, and {own:.1%} are later events of the query node "
        "itself; results are better than in serving",
        figures={
            "later than half of the held-out pairs": late,
            "later, by the query node itself": own,
        },
    )


def new_pairs(holdout: Holdout) -> LeakFinding:
    """Checks that no new pair of the holdout is in the training part of the target edge type.

    Raises:
        DataLeakageError: One does.
    """
    known = adjacency(holdout.train_graph, holdout.edge_type)
    is_known = among(holdout.new_truth, known)
    if is_known.any():
        first = int(pair_keys(holdout.new_truth)[is_known][0])
        source, target = divmod(first, known.num_targets)
        raise DataLeakageError(
            f"{is_known.sum():,} of {len(is_known):,} pairs of the holdout that count as new are "
            f"{holdout.edge_type} edges in training, the first from row {source} to row {target}",
            expected="none",
            next_step="remove them from new_truth, or remove their edges from training",
            value=(source, target),
        )
    again = among(holdout.truth, known)
    return LeakFinding(
        check="new pairs",
        level="ok",
        message="no new pair of the holdout is in training",
        figures={"pairs": len(again), "new": len(is_known), "taken before": int(again.sum())},
        details=(
            f"Of {len(again):,} held-out pairs, {len(is_known):,} are new and {again.sum():,} "
            "repeat a pair of training.",
        ),
    )


def among(pairs: Adjacency, others: Adjacency) -> npt.NDArray[np.bool_]:
    """Returns which pairs are among the others, aligned with the indices."""
    found: npt.NDArray[np.bool_] = np.isin(pair_keys(pairs), pair_keys(others), assume_unique=True)
    return found


K = 20

_CHECK = "viewed before"


def hinted_pairs(holdout: Holdout, schema: Schema) -> LeakFinding:
    """Counts new pairs with an earlier view or cart, and the recall from these alone."""
    train, new = holdout.train_graph, holdout.new_truth
    hints = hint_edge_types(train, schema, holdout.edge_type)
    hinted = {one.relation: among(new, adjacency(train, one)) for one in hints}
    is_hinted = np.any([*hinted.values(), np.zeros(new.num_edges, dtype=np.bool_)], axis=0)
    if not is_hinted.any():
        message = "no new pair of the holdout has an earlier view, cart or similar event"
        return LeakFinding(check=_CHECK, level="ok", message=message, figures={"share": 0})
    recall = _recall_of_waiting(holdout, schema)
    return LeakFinding(
        check=_CHECK,
        level="warning",
        message=f"{is_hinted.mean():.1%} of the new pairs of the holdout are in training as "
        f"{' or '.join(hinted)}; lists of the last viewed and not bought targets reach a "
        f"recall@{K} of {recall:.4f}. Compare all results with the "
        "baseline 'viewed-not-bought'",
        figures={
            "share": float(is_hinted.mean()),
            **{f"share {relation}": float(one.mean()) for relation, one in hinted.items()},
            f"recall@{K} of what was viewed alone": recall,
        },
        details=tuple(
            f"{one.mean():.1%} of the new pairs have an earlier {relation} event."
            for relation, one in hinted.items()
        ),
    )


def _recall_of_waiting(holdout: Holdout, schema: Schema) -> float:
    """Returns the recall of lists with only the last viewed and not bought targets."""
    queries, targets = (
        found.numpy()
        for found in waiting_pairs(holdout.train_graph, schema, holdout.edge_type, "recent")
    )
    rows = np.arange(holdout.new_truth.num_sources)
    place = np.arange(len(queries)) - np.searchsorted(queries, rows)[queries]
    ranked = np.full((len(rows), K), -1, dtype=np.int64)
    is_shown = place < K
    ranked[queries[is_shown], place[is_shown]] = targets[is_shown]
    return recall_at_k(ranked, rows, holdout.new_truth, K)


MIN_NODES = 20
MIN_EXCESS = 0.1

_DERIVED = "derived edges"

Mask = npt.NDArray[np.bool_]


def derived_edges(holdout: Holdout) -> LeakFinding:
    """Checks whether training edges reveal nodes that have events only in the holdout.

    A table derived from all sales, such as the products of shops, connects a product to a shop
    because of a future sale. Among targets without training events, those with later events would
    then be connected more often than those without any. A difference of MIN_EXCESS or more, with
    MIN_NODES on both sides, is a warning; only edges without a start are checked. The check needs
    targets that never get events, and does not cover targets with training events. A well-kept
    catalogue may also cause a difference, because maintained products sell better.
    """
    train, target = holdout.train_graph, holdout.edge_type.target
    later, never = _only_after(holdout)
    connected = {
        edge_type: connected_targets
        for edge_type in side_edge_types(train, holdout.edge_type)
        for connected_targets in [_tied(train, edge_type, target)]
        if connected_targets.any()
    }
    figures = _figures(holdout, later, never)
    for edge_type, is_connected in connected.items():
        for name, some in (("only after", later), ("never taken", never)):
            if some.any():
                figures[f"{edge_type}: connected, of {name}"] = float(is_connected[some].mean())
    if min(later.sum(), never.sum()) < MIN_NODES:
        message = (
            f"{later.sum():,} {target} nodes have events only in the holdout and "
            f"{never.sum():,} none at all; the check of derived edges needs {MIN_NODES} "
            "of each"
        )
        return LeakFinding(check=_DERIVED, level="ok", message=message, figures=figures)
    details = (
        f"{later.sum():,} {target} nodes have events only in the holdout, {never.sum():,} have "
        "none at all.",
        *(
            f"{edge_type} edges: {is_connected[later].mean():.0%} of the first have one, and "
            f"{is_connected[never].mean():.0%} of the second."
            for edge_type, is_connected in connected.items()
        ),
    )
    suspects = [
        str(edge_type)
        for edge_type, is_connected in connected.items()
        if is_connected[later].mean() - is_connected[never].mean() >= MIN_EXCESS
    ]
    message = "edges do not reveal which targets have events only in the holdout"
    if suspects:
        message = (
            f"{', '.join(suspects)}: {target} nodes with events only in the holdout have "
            "such edges far more often than those without any events. If they were derived from "
            "events, they reveal the future: remove them, or give them a start time"
        )
    return LeakFinding(
        check=_DERIVED,
        level="warning" if suspects else "ok",
        message=message,
        figures=figures,
        details=details,
    )


def _only_after(holdout: Holdout) -> tuple[Mask, Mask]:
    """Returns targets without training events: those with later events, and those without."""
    num_targets = holdout.truth.num_targets
    known = adjacency(holdout.train_graph, holdout.edge_type)
    is_known, is_taken = (
        np.bincount(pairs.indices, minlength=num_targets) > 0 for pairs in (known, holdout.truth)
    )
    return is_taken & ~is_known, ~is_taken & ~is_known


def _figures(holdout: Holdout, later: Mask, never: Mask) -> dict[str, float]:
    known, truth = adjacency(holdout.train_graph, holdout.edge_type), holdout.truth
    source, _, target = holdout.edge_type
    return {
        f"{source}, only after": int(((truth.degrees() > 0) & (known.degrees() == 0)).sum()),
        f"{target}, only after": int(later.sum()),
        f"{target}, never taken": int(never.sum()),
        f"held-out pairs of {target}, only after": int(later[truth.indices].sum()),
    }


def _tied(graph: HeteroData, edge_type: EdgeType, target: str) -> Mask:
    """Returns which targets have such an edge without a start, bool [num_targets]."""
    store = graph[edge_type]
    ends = store.edge_index[:, store[AT_S] == ALWAYS_S].numpy()
    connected = np.zeros(graph[target].num_nodes, dtype=np.bool_)
    for end, rows in zip((edge_type.source, edge_type.target), ends, strict=True):
        if end == target:
            connected[rows] = True
    return connected


__all__ = ["check_leaks"]


def check_leaks(graph: HeteroData, holdout: Holdout, schema: Schema) -> tuple[LeakFinding, ...]:
    """Checks what training could reveal of the holdout.

    - Whether training has an event or a new static edge at or after the cut-off. - Whether all
    events are present up to the cut-off. - Without a single cut-off, instead of these two: the
    share of training later than the holdout. - Whether a new pair of the holdout is in training. -
    How many of these pairs have an earlier view or cart, and the recall from these alone. - Which
    nodes have events only in the holdout, and whether edges were derived from these.

    Args:
        graph: The whole graph, holdout included.

    Returns:
        A finding per check, in this order; 'warning' if the results may be biased.

    Raises:
        DataLeakageError: Training has an edge at or after the cut-off, or a new pair of the
            holdout.
    """
    if holdout.cutoff_s is None:
        in_time = [later_events(graph, holdout)]
    else:
        in_time = [
            nothing_after(holdout, holdout.cutoff_s),
            cut_together(graph, holdout, holdout.cutoff_s, schema),
        ]
    return (
        *in_time,
        new_pairs(holdout),
        hinted_pairs(holdout, schema),
        derived_edges(holdout),
    )
