"""Compares two releases by config, metrics, nodes and edges.

Config and metrics come from the two manifests, nodes and edges from the bundles.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from graphdb.errors import QueryError
from graphrec.adjacency import sources_of
from graphrec.bundle import Bundle, BundleManifest, open_bundle
from graphrec.bundle.manifest import figures, length_of_lists, measured_from
from graphrec.compare.drift import Drift, Nodes, Numbers, drifts, number_nodes
from graphrec.compare.lists import ListChange, list_changes
from graphrec.nested import flat


@dataclass(frozen=True, slots=True)
class Setting:
    """A config key with different values; None also if a release does not have it."""

    name: str
    in_a: Any
    in_b: Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of both releases."""

    name: str
    in_a: float
    in_b: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The metrics of the two manifests.

    Args:
        comparable: Whether both were evaluated with the same cut-off and list length.
        note: The reason if not, or another remark; often empty.
        figures: The metrics that both have; empty if they are not comparable.
    """

    comparable: bool
    note: str
    figures: tuple[Figure, ...]


def settings_that_differ(a: BundleManifest, b: BundleManifest) -> tuple[Setting, ...]:
    """Returns values by name, with nested names joined by dots."""
    in_a, in_b = (dict(flat(one.config, keep_empty=True)) for one in (a, b))
    return tuple(
        Setting(name, in_a.get(name), in_b.get(name))
        for name in sorted({*in_a, *in_b})
        if in_a.get(name) != in_b.get(name)
    )


def figures_side_by_side(a: BundleManifest, b: BundleManifest) -> Figures:
    """Returns the metrics of both if they are comparable."""
    in_a, in_b = figures(a), figures(b)
    if not in_a or not in_b:
        without = " and ".join(name for name, of in (("A", in_a), ("B", in_b)) if not of)
        return Figures(False, f"nothing was measured of {without}", ())
    from_a, from_b = measured_from(a), measured_from(b)
    same_data = a.snapshot_id == b.snapshot_id
    if from_a != from_b:
        note = f"A was measured from {_moment(from_a)} on, B from {_moment(from_b)} on"
        return Figures(False, note, ())
    if from_a is None and not same_data:
        note = "neither says from when on it was measured, and they are of different snapshots"
        return Figures(False, note, ())
    note = "" if same_data else "they were measured on different snapshots with the same cut-off"
    lengths = [length_of_lists(one) for one in (a, b)]
    if lengths[0] != lengths[1]:
        return Figures(False, f"A was measured on lists of {lengths[0]}, B of {lengths[1]}", ())
    both = [name for name in in_a if name in in_b]
    return Figures(True, note, tuple(Figure(name, in_a[name], in_b[name]) for name in both))


def _moment(text: str | None) -> str:
    return "a moment it does not name" if text is None else text


@dataclass(frozen=True, slots=True)
class Turnover:
    """The change of a set of nodes or edges from A to B, by id.

    Args:
        in_a: Their number in A.
        in_b: Their number in B.
        came: How many are only in B.
        went: How many are only in A.
    """

    in_a: int
    in_b: int
    came: int
    went: int

    @classmethod
    def of(cls, in_a: int, in_b: int, in_both: int) -> "Turnover":
        return cls(in_a, in_b, in_b - in_both, in_a - in_both)


def node_turnover(nodes: Mapping[str, Nodes]) -> dict[str, Turnover]:
    """Per node type."""
    return {
        name: Turnover.of(each.num_a, len(each.of_b), len(each.rows_in_both[0]))
        for name, each in nodes.items()
    }


def edge_turnover(a: Bundle, b: Bundle, nodes: Mapping[str, Nodes]) -> dict[str, Turnover]:
    """Per edge type; the ids of both ends identify an edge."""
    found = {}
    for name in sorted({*a.manifest.num_edges, *b.manifest.num_edges}):
        edges_a, edges_b = (_edges(bundle, name, nodes, is_b=bundle is b) for bundle in (a, b))
        in_both = len(np.intersect1d(edges_a, edges_b, assume_unique=True))
        found[name] = Turnover.of(len(edges_a), len(edges_b), in_both)
    return found


def _edges(bundle: Bundle, name: str, nodes: Mapping[str, Nodes], *, is_b: bool) -> Numbers:
    """Returns one number per edge, from the numbers of its ends."""
    if name not in bundle.manifest.num_edges:
        return np.empty(0, dtype=np.int64)
    edge_type = bundle.schema.parse_edge_type(name)
    edges = bundle.edges(edge_type)
    sources = sources_of(edges)
    targets = edges.indices.astype(np.int64)
    ends = nodes[edge_type.source], nodes[edge_type.target]
    if is_b:
        sources, targets = ends[0].of_b[sources], ends[1].of_b[targets]
    keys: Numbers = sources * ends[1].total + targets
    return keys


_MOVED_MOST = 5


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two releases."""

    folder: str
    release_id: str
    created_at: datetime
    snapshot_id: str
    cutoff: datetime | None
    dim: int

    @classmethod
    def of(cls, bundle: Bundle) -> "Side":
        manifest = bundle.manifest
        return cls(
            str(bundle.folder),
            manifest.release_id,
            manifest.created_at,
            manifest.snapshot_id,
            manifest.cutoff,
            manifest.dim,
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes from release A to release B.

    Args:
        schema_changed: Whether their graph schemas differ.
        settings: The training config keys that differ.
        figures: The metrics that both have.
        nodes: Added and removed nodes, per node type.
        edges: Added and removed edges, per edge type.
        lists: Per query and target type, how the lists of the same queries changed.
        drift: How far vectors moved, per node type.
    """

    a: Side
    b: Side
    schema_changed: bool
    settings: tuple[Setting, ...]
    figures: Figures
    nodes: Mapping[str, Turnover]
    edges: Mapping[str, Turnover]
    lists: tuple[ListChange, ...]
    drift: tuple[Drift, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data; times are datetimes."""
        return asdict(self)


def compare_releases(
    a: Bundle | str | Path,
    b: Bundle | str | Path,
    *,
    num_queries: int = 1000,
    k: int = 10,
    new_item_days: float = 30.0,
    seed: int = 0,
    verify: bool = True,
) -> Comparison:
    """Compares two releases.

    Args:
        a: The earlier release: a bundle, its folder, or REGISTRY@NAME.
        b: The later release.
        num_queries: The number of sampled query nodes of each type; all if both know fewer.
        k: The length of their lists.
        new_item_days: Items are new if they are not in A, or were created within this many days
            before the end of B's known time.
        seed: The random seed of the sample.
        verify: As for `open_bundle`.

    Raises:
        BundleError: A release cannot be opened.
        QueryError: A number is too small.
    """
    for name, value, least in (
        ("num_queries", num_queries, 1),
        ("k", k, 1),
        ("new_item_days", new_item_days, 0),
    ):
        if value < least:
            raise QueryError(f"{name} is {value}", expected=f"{least} or more", value=value)
    a, b = (one if isinstance(one, Bundle) else open_bundle(one, verify=verify) for one in (a, b))
    nodes = number_nodes(a, b)
    return Comparison(
        a=Side.of(a),
        b=Side.of(b),
        schema_changed=a.manifest.schema_fingerprint != b.manifest.schema_fingerprint,
        settings=settings_that_differ(a.manifest, b.manifest),
        figures=figures_side_by_side(a.manifest, b.manifest),
        nodes=node_turnover(nodes),
        edges=edge_turnover(a, b, nodes),
        lists=list_changes(
            a, b, nodes, num_queries=num_queries, k=k, new_item_days=new_item_days, seed=seed
        ),
        drift=drifts(a, b, nodes, most=_MOVED_MOST, seed=seed),
    )
