"""Sets two releases side by side."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from graphdb.errors import QueryError
from graphrec.bundle import Bundle, open_bundle
from graphrec.compare.drift import Drift, drifts
from graphrec.compare.graph import Turnover, edge_turnover, node_turnover
from graphrec.compare.lists import ListChange, list_changes
from graphrec.compare.numbering import number_nodes
from graphrec.compare.settings import Figures, Setting, figures_side_by_side, settings_that_differ

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
    """What changed from release A to release B.

    Args:
        schema_changed: Whether their graph schemas differ.
        settings: Settings of the training that differ.
        figures: What was measured of both.
        nodes: Per node type, what came and went.
        edges: Per edge type, what came and went.
        lists: Per direction, how the same seeds' lists changed.
        drift: Per node type, how far vectors moved.
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
        """Plain data; moments stay as they are."""
        return asdict(self)


def compare_releases(
    a: Bundle | str | Path,
    b: Bundle | str | Path,
    *,
    num_seeds: int = 1000,
    k: int = 10,
    newcomer_days: float = 30.0,
    seed: int = 0,
    verify: bool = True,
) -> Comparison:
    """What changed from one release to another.

    Args:
        a: The earlier one: a bundle, its folder, or REGISTRY@NAME.
        b: The later one.
        num_seeds: How many seeds of each type to ask for, drawn at random; all where there are
            fewer that both know something about.
        k: How long their lists are.
        newcomer_days: Who was created within so many days before what B knows ends is a
            newcomer, besides all whom A does not hold.
        seed: For the draws.
        verify: As for `open_bundle`.

    Raises:
        BundleError: One of them cannot be opened.
        QueryError: A number is too small.
    """
    for name, value, least in (
        ("num_seeds", num_seeds, 1),
        ("k", k, 1),
        ("newcomer_days", newcomer_days, 0),
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
            a, b, nodes, num_seeds=num_seeds, k=k, newcomer_days=newcomer_days, seed=seed
        ),
        drift=drifts(a, b, nodes, most=_MOVED_MOST, seed=seed),
    )
