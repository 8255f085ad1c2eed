"""Finds out what lies at a path, and what is in it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graphdb import EdgeType, open_store
from graphdb.errors import DataError
from graphdb.plain_json import read_json
from graphdb.snapshot import open_snapshot
from graphdb.snapshot.manifest import FORMAT as SNAPSHOT_FORMAT
from graphrec.bundle import open_bundle
from graphrec.bundle.manifest import FORMAT as BUNDLE_FORMAT
from graphrec.bundle.manifest import MANIFEST_NAME
from graphrec.registry.address import split_address


@dataclass(frozen=True, slots=True)
class Description:
    """What lies at a path.

    Args:
        kind: 'bundle', 'snapshot' or 'store'.
        facts: What else to know of it, in the order to show it.
        nodes: Number of nodes per type.
        edges: Number of edges per edge type, written 'User-PURCHASED-Product'.
    """

    kind: str
    path: str
    facts: Mapping[str, Any]
    nodes: Mapping[str, int]
    edges: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


Describer = Callable[[str, bool], Description | None]
"""Given a path and whether to verify contents; None when it knows nothing of such a path."""


def describe(path: str, *, verify: bool = True) -> Description:
    """Says what lies at a path.

    Raises:
        DataError: Nothing there that any describer knows.
        GraphRecError: Something is there, but it cannot be opened.
    """
    for describer in DESCRIBERS:
        description = describer(path, verify)
        if description is not None:
            return description
    raise DataError(
        f"there is nothing graphrec knows at '{path}'",
        expected="a bundle, a snapshot or a store",
        value=path,
    )


def describe_bundle(path: str, verify: bool) -> Description | None:
    if split_address(path) is None and _format_at(path) != BUNDLE_FORMAT:
        return None
    bundle = open_bundle(path, verify=verify)
    manifest = bundle.manifest
    facts = {
        "created": manifest.created_at,
        "cutoff": manifest.cutoff,
        "snapshot_id": manifest.snapshot_id,
        "dim": manifest.dim,
        "similarity": manifest.similarity,
        "embedded": [name for name in bundle.node_types if bundle.has_vectors(name)],
        "config": manifest.config,
        "metrics": manifest.metrics,
    }
    return Description("bundle", path, facts, manifest.num_nodes, manifest.num_edges)


def describe_snapshot(path: str, verify: bool) -> Description | None:
    if _format_at(path) != SNAPSHOT_FORMAT:
        return None
    manifest = open_snapshot(path, verify=verify).manifest
    facts = {
        "created": manifest.created_at,
        "cutoff": manifest.cutoff,
        "snapshot_id": manifest.snapshot_id,
    }
    return Description(
        "snapshot",
        path,
        facts,
        {name: entry.rows for name, entry in manifest.nodes.items()},
        {name: entry.rows for name, entry in manifest.edges.items()},
    )


def describe_store(path: str, _verify: bool) -> Description | None:
    if "://" not in path and not path.startswith("duckdb:") and not Path(path).is_file():
        return None
    with open_store(path, read_only=True) as store:
        counts = store.counts()
        facts = {"url": store.url, "rejects": store.read_rejects().num_rows}
    return Description(
        "store",
        path,
        facts,
        {of: count for of, count in counts.items() if not isinstance(of, EdgeType)},
        {str(of): count for of, count in counts.items() if isinstance(of, EdgeType)},
    )


DESCRIBERS: tuple[Describer, ...] = (describe_bundle, describe_snapshot, describe_store)
"""Asked one after the other, until one knows the path."""


def _format_at(path: str) -> str | None:
    """The format that a folder's manifest names; None without a readable manifest."""
    manifest = Path(path) / MANIFEST_NAME
    if not manifest.is_file():
        return None
    try:
        content = read_json(manifest.read_bytes())
    except ValueError as error:
        raise DataError(f"'{manifest}' is not valid JSON: {error}", value=path) from error
    return content.get("format") if isinstance(content, dict) else None
