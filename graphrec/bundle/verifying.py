"""Checks a bundle when it is opened: its files against its manifest, and its parts."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from graphdb.checked_schema import Schema
from graphdb.errors import BundleCorruptError, BundleError, BundleMissingError
from graphdb.snapshot.manifest import sha256_of
from graphrec.bundle.cold_start_rule import check_rules
from graphrec.bundle.files import COPY_WHOLE, parquet_file
from graphrec.bundle.manifest import (
    HABIT_PATHS,
    BundleManifest,
    bundle_file,
    edge_paths,
    evidence_paths,
    node_path,
    norms_path,
    quality_path,
    scales_paths,
    sources_path,
    vector_path,
)
from graphrec.bundle.next_rule import check_next
from graphrec.bundle.quality import QUALITY_SCHEMA

_HASHING_THREADS = 4


def check_files(folder: Path, manifest: BundleManifest, *, contents: bool) -> None:
    """Checks that the manifest lists the right files, and that they exist.

    Args:
        contents: Compare every file with its hash.

    Raises:
        BundleMissingError: A file is missing.
        BundleCorruptError: The list is wrong, or a file changed.
    """
    needed = {node_path(node_type) for node_type in manifest.num_nodes}
    needed.update(path for name in manifest.num_edges for path in edge_paths(name))
    needed.update(map(quality_path, manifest.quality))
    needed.update(path for entry in manifest.indexes.values() for path in entry.paths)
    if manifest.next is not None:
        needed.add(sources_path(manifest.next.node_type))
    needed.update(() if manifest.habits is None else HABIT_PATHS)
    optional = {
        path(node_type) for node_type in manifest.num_nodes for path in (vector_path, norms_path)
    }
    listed = set(manifest.files)
    if manifest.vector_type != "float32":
        whole = [vector_path(name) for name in manifest.num_nodes]
        whole += [] if manifest.next is None else [sources_path(manifest.next.node_type)]
        needed.update(path for one in listed.intersection(whole) for path in scales_paths(one))
    for pair in map(evidence_paths, manifest.num_edges):
        # The two belong together: each needs the other.
        (needed if listed.intersection(pair) else optional).update(pair)
    if not needed <= listed or not listed <= needed | optional:
        odd = min((needed - listed) | (listed - needed - optional))
        raise BundleCorruptError(
            f"the manifest's list of files and its counts disagree about '{odd}'",
            next_step=COPY_WHOLE,
            value=odd,
        )
    for name in manifest.files:
        path = bundle_file(folder, name)
        if not path.is_file():
            raise BundleMissingError(f"'{path}' is missing", next_step=COPY_WHOLE, value=str(path))
    if contents:
        _check_hashes(folder, manifest)


def _check_hashes(folder: Path, manifest: BundleManifest) -> None:
    """Compares every file with its hash, in threads: hashing releases Python's lock."""
    paths = [bundle_file(folder, name) for name in manifest.files]
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _HASHING_THREADS)) as pool:
        found = pool.map(sha256_of, paths)
        for path, sha256, now in zip(paths, manifest.files.values(), found, strict=True):
            if now != sha256:
                pool.shutdown(cancel_futures=True)
                raise BundleCorruptError(
                    f"'{path}' changed since the bundle was written",
                    expected=f"sha256 {sha256}",
                    next_step=COPY_WHOLE,
                    value=str(path),
                )


def check_parts(
    folder: Path, manifest: BundleManifest, schema: Schema, with_vectors: frozenset[str]
) -> None:
    """Checks that tables, rules and indexes fit the nodes that the manifest counts.

    Raises:
        BundleCorruptError: A part does not fit; the message names it.
    """
    _check_rules(schema, manifest, with_vectors)
    _check_indexes(manifest, with_vectors)
    for node_type, num_nodes in manifest.num_nodes.items():
        _check_rows(bundle_file(folder, node_path(node_type)), num_nodes)
    for node_type in manifest.quality:
        _check_quality_file(bundle_file(folder, quality_path(node_type)), node_type, manifest)


def _check_rules(schema: Schema, manifest: BundleManifest, types: frozenset[str]) -> None:
    try:
        check_rules(schema, manifest.cold_start, types, frozenset(manifest.num_edges))
        if manifest.next is not None:
            check_next(schema, manifest.next, None, manifest.dim, manifest.num_nodes)
    except BundleError as error:
        raise BundleCorruptError(
            f"the manifest is damaged: {error}", next_step=COPY_WHOLE, value=error.value
        ) from error


def _check_indexes(manifest: BundleManifest, with_vectors: frozenset[str]) -> None:
    for name, entry in manifest.indexes.items():
        fits = entry.num_rows <= manifest.num_nodes.get(entry.target_type, 0)
        if name != entry.name or entry.target_type not in with_vectors or not fits:
            raise BundleCorruptError(
                f"the manifest's index '{name}' does not fit: it is for {entry.num_rows} rows of "
                f"{entry.target_type}",
                next_step=COPY_WHOLE,
                value=name,
            )


def _check_quality_file(path: Path, node_type: str, manifest: BundleManifest) -> None:
    if node_type not in manifest.num_nodes:
        raise BundleCorruptError(
            f"the manifest has a quality of {node_type}, but no {node_type} nodes",
            next_step=COPY_WHOLE,
            value=node_type,
        )
    _check_rows(path, manifest.num_nodes[node_type])
    with parquet_file(path) as file:
        found = file.schema_arrow
    if not found.equals(QUALITY_SCHEMA):
        raise BundleCorruptError(
            f"'{path}' has the columns {found.names}",
            expected=", ".join(f"{field.name} ({field.type})" for field in QUALITY_SCHEMA),
            next_step=COPY_WHOLE,
            value=str(path),
        )


def _check_rows(path: Path, num_nodes: int) -> None:
    with parquet_file(path) as file:
        rows = file.metadata.num_rows
    if rows != num_nodes:
        raise BundleCorruptError(
            f"'{path}' holds {rows} rows",
            expected=str(num_nodes),
            next_step=COPY_WHOLE,
            value=rows,
        )
