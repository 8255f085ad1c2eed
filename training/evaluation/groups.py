"""Groups queries and targets for evaluation, and records versions, time and memory.

Query nodes are grouped by activity, targets by properties: numbers in steps, or names, with the
largest groups kept.
"""

import itertools
import platform
import resource
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from graphdb.schema_types import CREATED_AT, EdgeType
from graphdb.snapshot import Snapshot
from graphrec.adjacency import sources_of
from training.data import ALWAYS_S, AT_S, DAY_S, HeteroData, edge_types_of
from training.evaluation.metrics import Rows, Values
from training.evaluation.results import Spending
from training.pairs import adjacency
from training.quality.counts import BRAND, CATEGORY, CREATOR, PRODUCT, products_of

_PACKAGES = ("graphrec", "torch", "torch_geometric", "numpy", "pyarrow")


def spending(seconds: Mapping[str, float]) -> Spending:
    """Returns the time of each step, and the peak memory of this process."""
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Spending(
        seconds=seconds,
        peak_memory_mb=peak_kb / 1024,
        threads=torch.get_num_threads(),
        machine=platform.processor() or platform.machine(),
    )


def versions() -> dict[str, str]:
    """Returns the versions of Python, this package and its dependencies."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


MOST_GROUPS = 12
OTHER = "other"


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """One dimension of groups.

    Args:
        dimension: The name of the dimension, such as 'price band'.
        names: The names of the groups, in order.
        codes: The group of each node, int64 [num_nodes]; -1 for none.
    """

    dimension: str
    names: tuple[str, ...]
    codes: Rows


def by_steps(
    dimension: str, numbers: Values, steps: Sequence[float], unit: str, unknown: str
) -> Grouping:
    """Groups by a number: below the first step, between steps, from the last step on.

    Args:
        numbers: float64 [num_nodes]; NaN if unknown.
        unit: The unit, such as 'day'.
        unknown: The name of the last group, for unknown numbers.

    >>> found = by_steps("age", np.array([3.0, 1.0, np.nan]), [2, 5], "day", "unknown")
    >>> found.names, found.codes.tolist()
    (('below 2 days', '2 to 4 days', '5 days or more', 'unknown'), [1, 0, 3])
    """
    codes = np.digitize(numbers, steps).astype(np.int64)
    codes[~np.isfinite(numbers)] = len(steps) + 1
    middle = [_range(low, high, unit) for low, high in itertools.pairwise(steps)]
    first = _range(0, steps[0], unit) if steps[0] <= 1 else f"below {steps[0]:,g} {unit}s"
    return Grouping(dimension, (first, *middle, f"{steps[-1]:,g} {unit}s or more", unknown), codes)


def _range(low: float, high: float, unit: str) -> str:
    if high - low == 1:
        return f"{low:,g} {unit}" + ("" if low == 1 else "s")
    return f"{low:,g} to {high - 1:,g} {unit}s"


def by_name(
    dimension: str,
    labels: Rows,
    names: Sequence[str],
    weights: Values,
    *,
    keep_order: bool = False,
) -> Grouping:
    """Groups by a label: the heaviest ones, and the rest as 'other'.

    Args:
        labels: Per node a position in `names`, -1 for none.
        weights: The weight of each node in its group.
        keep_order: Keep the order of labels; by default the heaviest group is first.
    """
    present = np.flatnonzero(np.bincount(labels[labels >= 0], minlength=len(names)))
    weight = np.bincount(labels[labels >= 0], weights[labels >= 0], minlength=len(names))
    heaviest = present[np.argsort(-weight[present], kind="stable")]
    kept = heaviest if len(heaviest) <= MOST_GROUPS else heaviest[: MOST_GROUPS - 1]
    if keep_order:
        kept = np.sort(kept)
    code_of = np.full(len(names) + 1, len(kept), dtype=np.int64)
    code_of[kept] = np.arange(len(kept))
    code_of[-1] = -1  # where a label of -1 looks
    chosen = tuple(names[label] for label in kept.tolist())
    rest = () if len(kept) == len(heaviest) else (OTHER,)
    return Grouping(dimension, (*chosen, *rest), code_of[labels])


PRICE_BAND = "PriceBand"
ACTIVITY_STEPS = (1, 5, 20, 100, 500)
EVENT_STEPS = (1, 2, 5, 10, 50, 200, 1000)
AGE_STEPS = (7, 28, 91, 182, 365)
FOLLOWER_STEPS = (1, 100, 1_000, 10_000, 100_000)
_MAX_DEPTH = 32  # deeper than any category tree; ends the walk if the data contain a cycle


@dataclass(frozen=True, slots=True)
class Past:
    """The properties of nodes at the cut-off.

    Args:
        graph: The graph before the cut-off.
        cutoff_s: Epoch seconds; None for a split without times, in which nodes have no age.
    """

    snapshot: Snapshot
    graph: HeteroData
    cutoff_s: int | None


def num_events(graph: HeteroData, edge_type: EdgeType) -> tuple[Values, Values]:
    """Counts the events or static edges of each source and each target, float64."""
    sources, targets = graph[edge_type].edge_index.numpy()
    of_sources, of_targets = (
        np.bincount(rows, minlength=graph[end].num_nodes).astype(np.float64)
        for rows, end in ((sources, edge_type.source), (targets, edge_type.target))
    )
    return of_sources, of_targets


def query_groupings(events: Values, query_type: str) -> list[Grouping]:
    """Groups queries by their activity before the cut-off.

    Args:
        events: Training events per query node.
    """
    return [by_steps(f"{query_type.lower()} activity", events, ACTIVITY_STEPS, "event", "unknown")]


def target_groupings(past: Past, target_type: str, events: Values) -> list[Grouping]:
    """Groups targets by all known properties of their type.

    Args:
        events: Training events per target.
    """
    found = [by_steps("training events", events, EVENT_STEPS, "event", "unknown")]
    if target_type == PRODUCT:
        found += _groupings_of_products(past, events)
    if target_type == CREATOR:
        found.append(_by_followers(_followers(past)))
    if target_type == BRAND:
        ages = _ages_of_brands(past)
        found += [] if ages is None else [_by_age("brand age", ages)]
    return [one for one in found if len(np.unique(one.codes[one.codes >= 0])) > 1]


def _groupings_of_products(past: Past, events: Values) -> Iterator[Grouping]:
    bands = edge_of(past, EdgeType(PRODUCT, "IN_PRICE_BAND", PRICE_BAND))
    if bands is not None:
        yield _by_price_band(past, bands, events)
    categories = categories_of_products(past)
    if categories is not None:
        top, names = _top_level(past, categories)
        yield by_name("category", top, names, events)
    ages, of_brands = ages_of(past, PRODUCT), _ages_of_brands(past)
    if ages is not None:
        yield _by_age("product age", ages)
    makers = edge_of(past, EdgeType(PRODUCT, "MADE_BY", BRAND))
    if of_brands is not None and makers is not None:
        yield _by_age("brand age", np.where(makers >= 0, of_brands[makers], np.nan))
    carried = products_of(past.graph, past.snapshot.schema).get(CREATOR)
    if carried is not None:
        followers = np.full(carried.num_targets, np.nan)
        np.fmax.at(followers, carried.indices, _followers(past)[sources_of(carried)])
        yield _by_followers(followers)


def categories_of_products(past: Past) -> Rows | None:
    """Returns the direct category of each product, -1 for none; None without any."""
    return edge_of(past, EdgeType(PRODUCT, "IN_CATEGORY", CATEGORY))


def edge_of(past: Past, edge_type: EdgeType) -> Rows | None:
    """Returns the first target of each source, -1 for none; None without such edges."""
    if edge_type not in edge_types_of(past.graph):
        return None
    edges = adjacency(past.graph, edge_type)
    return edges.first_targets() if edges.num_edges else None


def ages_of(past: Past, node_type: str) -> Values | None:
    """Returns days from a node's creation or first event to the cut-off, float64; NaN without any.

    The start is `created_at`, or else its first event in training. None if no node has one, or for
    a split without times.
    """
    if past.cutoff_s is None:
        return None
    born_s = _created_s(past.snapshot, node_type)
    first_s = np.full(len(born_s), np.inf)
    for edge_type in edge_types_of(past.graph):
        if past.snapshot.schema.relation(edge_type.relation).is_event:
            at_s = past.graph[edge_type][AT_S].numpy()
            dated = at_s != ALWAYS_S
            for end, rows in zip(
                (edge_type.source, edge_type.target),
                past.graph[edge_type].edge_index.numpy(),
                strict=True,
            ):
                if end == node_type:
                    np.minimum.at(first_s, rows[dated], at_s[dated])
    born_s = np.where(np.isfinite(born_s), born_s, first_s)
    days = (past.cutoff_s - born_s) / DAY_S
    # Nodes from after the cut-off were unknown at that time.
    known = np.isfinite(days) & (days >= 0)
    return np.where(known, days, np.nan) if known.any() else None


def _ages_of_brands(past: Past) -> Values | None:
    """Like `ages_of`; a brand without a date is as old as its oldest product."""
    ages, of_products = ages_of(past, BRAND), ages_of(past, PRODUCT)
    makers = edge_of(past, EdgeType(PRODUCT, "MADE_BY", BRAND))
    if of_products is None or makers is None:
        return ages
    oldest = np.full(past.graph[BRAND].num_nodes, np.nan)
    np.fmax.at(oldest, makers[makers >= 0], of_products[makers >= 0])
    return oldest if ages is None else np.where(np.isfinite(ages), ages, oldest)


def _followers(past: Past) -> Values:
    """Returns the followers of each creator: the given number, or the number of FOLLOWS edges."""
    given = past.snapshot.nodes(CREATOR, ["followers"])["followers"]
    declared = pc.fill_null(given.cast(pa.float64()), float("nan")).to_numpy()
    follows = EdgeType("User", "FOLLOWS", CREATOR)
    if follows not in edge_types_of(past.graph):
        return np.asarray(declared)
    counted = adjacency(past.graph, follows).reverse().degrees()
    return np.where(np.isfinite(declared), declared, counted)


def _by_followers(followers: Values) -> Grouping:
    return by_steps("creator size", followers, FOLLOWER_STEPS, "follower", "no creator")


def _by_age(dimension: str, ages: Values) -> Grouping:
    return by_steps(dimension, ages, AGE_STEPS, "day", "not seen before")


def _by_price_band(past: Past, bands: Rows, events: Values) -> Grouping:
    """Orders price bands by price."""
    low = past.snapshot.nodes(PRICE_BAND, ["low"])["low"].to_numpy()
    order = np.argsort(low, kind="stable")
    place = np.full(len(order) + 1, -1)
    place[order] = np.arange(len(order))
    names = _names(past, PRICE_BAND, bands)
    ordered = [names[row] for row in order.tolist()]
    return by_name("price band", place[bands], ordered, events, keep_order=True)


def _top_level(past: Past, categories: Rows) -> tuple[Rows, list[str]]:
    """Returns each product's root category; its own category if all share one root."""
    parents = edge_of(past, EdgeType(CATEGORY, "CHILD_OF", CATEGORY))
    top = categories
    for _ in range(_MAX_DEPTH if parents is not None else 0):
        assert parents is not None
        above = np.where(top >= 0, parents[top], -1)
        top = np.where(above >= 0, above, top)
    shown = top if len(np.unique(top[top >= 0])) > 1 else categories
    return shown, _names(past, CATEGORY, shown)


def _names(past: Past, node_type: str, rows: Rows) -> list[str]:
    """Returns the label of every node of a type: its name, or else its id.

    It has both if several rows share a name, or if the name is that of the rest: labels must be
    unique.
    """
    ids = past.snapshot.node_ids(node_type).to_pylist()
    given = past.snapshot.nodes(node_type, ["name"])["name"].to_pylist()
    names = [name or node_id for name, node_id in zip(given, ids, strict=True)]
    shared = Counter(names[row] for row in np.unique(rows[rows >= 0]).tolist())
    return [
        f"{name} ({node_id})" if name == OTHER or shared[name] > 1 else name
        for name, node_id in zip(names, ids, strict=True)
    ]


def _created_s(snapshot: Snapshot, node_type: str) -> Values:
    """Returns `created_at` in epoch seconds, float64; NaN if it is empty."""
    column = snapshot.nodes(node_type, [CREATED_AT])[CREATED_AT]
    microseconds = pc.cast(column.cast(pa.int64()), pa.float64())
    return np.asarray(pc.fill_null(microseconds, float("nan")).to_numpy()) / 1e6
