"""Defines `graphrec info`: what a bundle, snapshot or store is, and what can be asked of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from graphdb import EdgeType, open_store
from graphdb.documents import read_json
from graphdb.errors import DataError
from graphdb.snapshot import open_snapshot
from graphdb.snapshot.manifest import FORMAT as SNAPSHOT_FORMAT
from graphrec.bundle import Bundle, BundleManifest, open_bundle
from graphrec.bundle.manifest import FORMAT as BUNDLE_FORMAT
from graphrec.bundle.manifest import MANIFEST_NAME, length_of_lists, measured_from
from graphrec.cli.options import plural
from graphrec.cli.output import JsonOption, console, escape, print_json
from graphrec.nested import flat
from graphrec.registry.address import split_address


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command()(info)


@dataclass(frozen=True, slots=True)
class Description:
    """The description of a bundle, snapshot or store.

    Args:
        kind: 'bundle', 'snapshot' or 'store'.
        summary: What a reader asks first, in words: what it is, from when, of what, how good.
        facts: Further facts, in the order to show them.
        nodes: Number of nodes per type.
        edges: Number of edges per edge type, written 'User-PURCHASED-Product'.
        next_steps: What can be done with it, as a command per purpose.
    """

    kind: str
    path: str
    summary: Mapping[str, str]
    facts: Mapping[str, Any]
    nodes: Mapping[str, int]
    edges: Mapping[str, int]
    next_steps: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


Describer = Callable[[str, bool], Description | None]
"""Called with a path and whether to verify contents; returns None for other kinds of paths."""


def describe(path: str, *, verify: bool = True) -> Description:
    """Describes what is at a path.

    Raises:
        DataError: The path is none of the known kinds.
        GraphRecError: The path is of a known kind but cannot be opened.
    """
    for describer in DESCRIBERS:
        description = describer(path, verify)
        if description is not None:
            return description
    raise DataError(
        f"'{path}' is not a bundle, a snapshot or a store",
        expected="a bundle, a snapshot or a store",
        value=path,
    )


def describe_bundle(path: str, verify: bool) -> Description | None:
    if split_address(path) is None and format_at(path) != BUNDLE_FORMAT:
        return None
    bundle = open_bundle(path, verify=verify)
    manifest = bundle.manifest
    encoder = manifest.config.get("encoder", "unknown encoder")
    embedded = [name for name in bundle.node_types if bundle.has_vectors(name)]
    summary = {
        "what": f"a trained release ({encoder}, {manifest.dim} dimensions) that recommends",
        "trained": f"{_text(manifest.created_at)}, from snapshot {manifest.snapshot_id[:12]}",
        "knows": _known_until(manifest.cutoff),
        **_how_good(manifest),
        "about": _counts(manifest.num_nodes),
    }
    facts = {
        "created": manifest.created_at,
        "cutoff": manifest.cutoff,
        "snapshot_id": manifest.snapshot_id,
        "dim": manifest.dim,
        "similarity": manifest.similarity,
        "embedded": embedded,
        "config": manifest.config,
        "metrics": manifest.metrics,
    }
    steps = _questions(path, bundle, embedded)
    return Description(
        "bundle", path, summary, facts, manifest.num_nodes, manifest.num_edges, steps
    )


def _known_until(cutoff: datetime | None) -> str:
    return "all events of the snapshot" if cutoff is None else f"events before {_text(cutoff)}"


def _counts(numbers: Mapping[str, int]) -> str:
    """Formats numbers of nodes, the largest first.

    >>> _counts({"User": 2, "Product": 1200, "Tag": 0})
    '1,200 Product, 2 User'
    """
    known = sorted((item for item in numbers.items() if item[1]), key=lambda item: -item[1])
    return ", ".join(f"{number:,} {name}" for name, number in known) or "nothing"


def _how_good(manifest: BundleManifest) -> dict[str, str]:
    """Returns the recall of each task beside the best baseline, as measured on held-out days."""
    scores, k = manifest.metrics.get("scores"), length_of_lists(manifest)
    if not isinstance(scores, list) or k is None:
        return {"how good": "this bundle has no figures; `graphrec evaluate` measures"}
    told = []
    for task in dict.fromkeys(score["task"] for score in scores):
        found = {
            score["model"]: score["recall"]
            for score in scores
            if score["task"] == task and "recall" in score
        }
        ours = found.pop(str(manifest.config.get("encoder")), None)
        if ours is not None:
            beside = max(found.items(), key=lambda item: item[1], default=None)
            against = f" ({beside[0]} {beside[1]:.4f})" if beside else ""
            told.append(f"{task} {ours:.4f}{against}")
    since = measured_from(manifest)
    measured = f"recall@{k} on what came from {since[:10] if since else 'the holdout'} on: "
    return {"how good": measured + "; ".join(told) if told else "too few queries to tell"}


_ASKED = {
    "User": ("Product", "Brand", "Category", "Creator", "Content"),
    "Brand": ("User", "Creator"),
    "Product": ("User", "Creator"),
    "Creator": ("Product", "Brand", "Category"),
}
"""Per query type the targets that can be asked for."""


def _questions(path: str, bundle: Bundle, embedded: Sequence[str]) -> dict[str, str]:
    """Returns a command per query type that can be asked, with an id of the bundle."""
    steps = {}
    for query_type, targets in _ASKED.items():
        known = [name for name in targets if name in embedded]
        if query_type in embedded and known:
            what = ", ".join(map(plural, known))
            node = _example(bundle, query_type)
            command = f"graphrec recommend {quote(path)} {node} --target {plural(known[0])}"
            steps[f"{what} for a {query_type.lower()}"] = command
    for query_type in embedded[:1]:
        node = _example(bundle, query_type)
        steps[f"similar {plural(query_type)}"] = f"graphrec similar {quote(path)} {node}"
    return steps


def _example(bundle: Bundle, node_type: str) -> str:
    """Returns the first node with a vector, as a command takes it."""
    rows = np.flatnonzero(bundle.vectors(node_type).any(axis=1))
    node_id = bundle.id_of(node_type, int(rows[0]) if len(rows) else 0)
    return quote(f"{node_type}:{node_id}")


def describe_snapshot(path: str, verify: bool) -> Description | None:
    if format_at(path) != SNAPSHOT_FORMAT:
        return None
    manifest = open_snapshot(path, verify=verify).manifest
    facts = {
        "created": manifest.created_at,
        "cutoff": manifest.cutoff,
        "snapshot_id": manifest.snapshot_id,
    }
    nodes = {name: entry.rows for name, entry in manifest.nodes.items()}
    summary = {
        "what": "a snapshot: the graph at one moment, to train and evaluate on",
        "made": _text(manifest.created_at),
        "knows": _known_until(manifest.cutoff),
        "about": _counts(nodes),
    }
    steps = {
        "train a model": f"graphrec train {quote(path)} BUNDLE",
        "measure models": f"graphrec evaluate {quote(path)} FOLDER --report",
    }
    edges = {name: entry.rows for name, entry in manifest.edges.items()}
    return Description("snapshot", path, summary, facts, nodes, edges, steps)


def describe_store(path: str, _verify: bool) -> Description | None:
    if "://" not in path and not path.startswith("duckdb:") and not Path(path).is_file():
        return None
    with open_store(path, read_only=True) as store:
        counts = store.counts()
        rejected = store.read_rejects().num_rows
        facts = {"url": store.url, "rejects": rejected}
    nodes = {of: count for of, count in counts.items() if not isinstance(of, EdgeType)}
    edges = {str(of): count for of, count in counts.items() if isinstance(of, EdgeType)}
    summary = {
        "what": "a graph store, which tables are ingested into",
        "about": _counts(nodes),
        "rejected": f"{rejected:,} rows" if rejected else "no row",
    }
    steps = {"take a snapshot": f"graphrec snapshot {quote(path)} FOLDER"}
    if rejected:
        steps["see what was rejected"] = f"graphrec rejects {quote(path)}"
    return Description("store", path, summary, facts, nodes, edges, steps)


DESCRIBERS: tuple[Describer, ...] = (describe_bundle, describe_snapshot, describe_store)
"""Tried one after the other, until one knows the path."""


def format_at(path: str) -> str | None:
    """Returns the format in a folder's manifest, or None without a readable manifest."""
    manifest = Path(path) / MANIFEST_NAME
    if not manifest.is_file():
        return None
    try:
        content = read_json(manifest.read_bytes())
    except ValueError as error:
        raise DataError(f"'{manifest}' is not valid JSON: {error}", value=path) from error
    return content.get("format") if isinstance(content, dict) else None


def info(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A bundle, REGISTRY@NAME, a snapshot or a store.")
    ],
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Check file hashes as well.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Describe a bundle, snapshot or store: what it is, how good, and what can be asked of it.

    First what a reader asks, then counts, then every fact and setting.

    [bold]Examples[/bold]

    graphrec info runs/demo/bundle

    graphrec info runs/demo/snapshot --json
    """
    description = describe(path, verify=verify)
    if as_json:
        print_json(description.to_dict())
    else:
        _show(description)


def _show(description: Description) -> None:
    screen = console()
    screen.print(f"[bold]{description.kind}[/bold] {escape(description.path)}", soft_wrap=True)
    _show_pairs(description.summary.items())
    steps = Table(header_style="bold")
    steps.add_column("to ask or do")
    steps.add_column("command", overflow="fold")
    for purpose, command in description.next_steps.items():
        steps.add_row(escape(purpose), escape(command))
    screen.print(steps)
    counts = Table(header_style="bold")
    counts.add_column("nodes and edges")
    counts.add_column("count", justify="right")
    for group in (description.nodes, description.edges):
        for name, count in group.items():
            if count:
                counts.add_row(escape(name), f"{count:,}")
        counts.add_section()
    screen.print(counts)
    _show_pairs((name, _text(value)) for name, value in flat(description.facts))


def _show_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    grid = Table.grid(padding=(0, 2))
    for name, words in pairs:
        grid.add_row(f"[dim]{escape(name)}[/dim]", escape(words))
    console().print(grid)


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S %Z")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
