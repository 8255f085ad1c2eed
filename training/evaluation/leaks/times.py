"""Leaks in time: what training has that happened too late, and what it lacks."""

import numpy as np

from graphdb.errors import LeakError
from graphdb.schema_types import Schema
from training.data import ALWAYS_S, AT_S, edge_types_of
from training.evaluation.results import LeakFinding
from training.pairs import events, pair_keys, source_rows
from training.pyg import HeteroData
from training.split import DAY_S, Holdout


def nothing_after(holdout: Holdout, cutoff_s: int) -> LeakFinding:
    """No edge of training is from the cut-off on.

    Raises:
        LeakError: There is one.
    """
    train, num_edges = holdout.train_graph, 0
    for edge_type in edge_types_of(train):
        at_s = train[edge_type][AT_S]
        num_edges += at_s.numel()
        num_late = int((at_s >= cutoff_s).sum())
        if num_late:
            raise LeakError(
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
        message="no event in training happened, and no tie began, at or after the cut-off",
        figures={"edges": num_edges},
    )


def cut_together(graph: HeteroData, holdout: Holdout, cutoff_s: int, schema: Schema) -> LeakFinding:
    """Training has every event from before the cut-off, in every relation.

    The figures are how many are missing by relation, and how many days lie between the last one
    and the cut-off: where these are many, the data of that relation end early.
    """
    figures: dict[str, float] = {}
    short = []
    for edge_type in edge_types_of(graph):
        num_known = int((graph[edge_type][AT_S] < cutoff_s).sum())
        if not schema.relation(edge_type.relation).is_event or not num_known:
            continue
        kept_s = holdout.train_graph[edge_type][AT_S]
        num_missing = num_known - kept_s.numel()
        figures[f"{edge_type}, missing"] = num_missing
        if kept_s.numel():
            figures[f"{edge_type}, days to the cut-off"] = (cutoff_s - int(kept_s.max())) / DAY_S
        if num_missing:
            short.append(f"{num_missing:,} {edge_type}")
    message = "all events are cut at the same moment, and none from before it is missing"
    if short:
        message = (
            f"training lacks events from before the cut-off ({', '.join(short)}), so models are "
            "worse than they would be where they serve"
        )
    return LeakFinding(
        check="auxiliary events",
        level="warning" if short else "ok",
        message=message,
        figures=figures,
    )


def later_events(graph: HeteroData, holdout: Holdout) -> LeakFinding:
    """How much of training is later than what is asked for, where there is no one cut-off.

    A pair that happened more than once is asked for from its last time on.
    """
    known = events(graph, holdout.edge_type)
    assert known.evidence is not None
    is_held = np.isin(pair_keys(known), pair_keys(holdout.truth), assume_unique=True)
    held_s = known.evidence.last_at_s[is_held]
    if not len(held_s) or int(held_s.min()) == int(held_s.max()):
        message = "what is held out has no times, so later events may stand in training"
        return LeakFinding(check="later events", level="warning", message=message)
    asked_from_s = np.full(known.num_sources, np.iinfo(np.int64).max)
    np.minimum.at(asked_from_s, source_rows(known)[is_held], held_s)
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
        message=f"there is no one cut-off: {late:.1%} of what training has with a time is later "
        f"than half of what is held out, and {own:.1%} was done by a seed after what is asked of "
        "it; figures come out better than where a model serves",
        figures={"later than half of the held-out pairs": late, "later, by the seed itself": own},
    )
