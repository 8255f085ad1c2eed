"""Defines and reads the manifest of a bundle, which lists its content.

Readers check the files of a bundle against it. Each index has an entry with its measured recall and
cost. `figures` turns the metrics into one flat mapping to show and compare.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from graphdb.checked_schema import Schema
from graphdb.documents import read_json
from graphdb.errors import BundleCorruptError, BundleMissingError, BundleVersionError, SchemaError
from graphdb.file_access import file_access, inside
from graphdb.schema_types import EdgeType
from graphrec.bundle.audiences import AudienceFigures
from graphrec.bundle.cold_start_rule import ColdStartRule
from graphrec.bundle.habits import HabitRule
from graphrec.bundle.next_rule import NextRule
from graphrec.bundle.quality import QualityRule
from graphrec.bundle.short_vectors import VectorType

INDEX_FOLDER = "index"
BOUNDS_PARTS = ("rows.npy", "heads.npy", "lengths.npy", "rotation.npy")
IVF_PARTS = ("faiss",)

SHARE_SLACK = 1.1
"""Figures also apply to shares up to a tenth below: blocking a few items changes little."""

Share = Annotated[float, Field(gt=0, le=1)]


class Measured(BaseModel):
    """The measured recall and cost of an index for sampled queries.

    Args:
        k: The length of the result lists.
        share: The random share of targets that passed the filter.
        recall: The mean share of the true best k that it returned.
        read_once: Values of vectors read at random, for all queries together.
        read_in_line: Values read in sequence, mean per query.
        read_at_random: Values of vectors read at random, mean per query.
        probes: Of 'ivf': the number of searched lists.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: int = Field(ge=1)
    share: Share
    recall: float = Field(ge=0, le=1)
    read_once: float = Field(ge=0)
    read_in_line: float = Field(ge=0)
    read_at_random: float = Field(ge=0)
    probes: int | None = Field(default=None, ge=1)


class IndexEntry(BaseModel):
    """One index: files in the bundle's folder `index`, and their measurements.

    Args:
        kind: 'bounds' is exact, see `graphrec.query.index.exact`; 'ivf' is FAISS's inverted lists
            and approximate.
        target_type: The node type of its vectors.
        similarity: The similarity of its scores.
        num_rows: The number of targets; with a cosine, of those with a nonzero vector.
        width: Of 'bounds': dimensions kept per target.
        queries: The number of sampled queries of each type.
        measured: Measurements at several k and shares.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["bounds", "ivf"]
    target_type: str
    similarity: Literal["dot", "cosine"]
    num_rows: int = Field(ge=1)
    width: int | None = Field(default=None, ge=2)
    queries: dict[str, int]
    measured: tuple[Measured, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_its_numbers(self) -> "IndexEntry":
        if self.kind == "bounds" and self.width is None:
            raise ValueError("an index of kind 'bounds' needs a width")
        if self.kind == "ivf" and any(one.probes is None for one in self.measured):
            raise ValueError("an index of kind 'ivf' needs the number of searched lists")
        return self

    @property
    def name(self) -> str:
        return f"{self.target_type}.{self.similarity}"

    def path(self, part: str) -> str:
        """Returns the path of one of its files, relative to the bundle's folder."""
        return f"{INDEX_FOLDER}/{self.name}.{part}"

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of all of its files."""
        parts = BOUNDS_PARTS if self.kind == "bounds" else IVF_PARTS
        return tuple(map(self.path, parts))

    def measured_at(self, k: int, share: float) -> Measured | None:
        """Returns the expected figures: those of the nearest harder or equal k and share.

        None if such a case was not measured.
        """
        harder = [one for one in self.measured if one.k >= k and one.share <= SHARE_SLACK * share]
        return min(harder, key=lambda one: (-one.share, one.k), default=None)


FORMAT = "graphrec-bundle"
FORMAT_VERSION = 4
MANIFEST_NAME = "manifest.json"


Count = Annotated[int, Field(ge=0, strict=True)]


class BundleManifest(BaseModel):
    """The content of `manifest.json`.

    Args:
        snapshot_id: The snapshot of the training.
        cutoff: The model knows nothing at or after this time; None without a cut-off.
        newest_event_at: The time of the newest event of the evidence; None without any.
        dim: Dimensions of every vector.
        vector_type: How numbers of vectors are written; see `graphrec.bundle.short_vectors`.
        similarity: The score of a query node's and a target's vector.
        config: The training config.
        metrics: The metrics on the holdout.
        num_nodes: Number of nodes per type.
        num_edges: Number of distinct edges per edge type, written 'User-PURCHASED-Product'.
        files: sha256 per file, by path inside the folder.
        cold_start: Per node type, the rule for vectors of new nodes; empty without any.
        quality: Per node type with a quality table, its parts.
        indexes: By name, such as 'Product.dot'; empty without any.
        audiences: By type, such as 'Brand', the audience figures of the held-out weeks; empty
            without a large enough holdout.
        next: The rule for a user's part of the block for what comes next; None without the block.
        habits: The rule for what users take again; None where pairs do not repeat.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["graphrec-bundle"] = "graphrec-bundle"
    format_version: Literal[4] = 4
    created_at: AwareDatetime
    snapshot_id: str
    cutoff: AwareDatetime | None
    newest_event_at: AwareDatetime | None = None
    dim: int = Field(ge=1)
    vector_type: VectorType = "float32"
    similarity: Literal["dot"] = "dot"
    config: dict[str, Any]
    metrics: dict[str, Any]
    num_nodes: dict[str, Count]
    num_edges: dict[str, Count]
    graph_schema: dict[str, Any]
    schema_fingerprint: str
    files: dict[str, str]
    cold_start: dict[str, ColdStartRule] = Field(default_factory=dict)
    quality: dict[str, QualityRule] = Field(default_factory=dict)
    indexes: dict[str, IndexEntry] = Field(default_factory=dict)
    audiences: dict[str, AudienceFigures] = Field(default_factory=dict)
    next: NextRule | None = None
    habits: HabitRule | None = None

    def to_json(self) -> str:
        """Returns the text of `manifest.json`; equal contents give equal texts."""
        content = self.model_dump(mode="json")
        for name in (
            "config",
            "metrics",
            "num_nodes",
            "num_edges",
            "files",
            "cold_start",
            "quality",
            "indexes",
            "audiences",
        ):
            content[name] = json.loads(json.dumps(content[name], sort_keys=True))
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @property
    def release_id(self) -> str:
        """The id of the release's content: 12 hexadecimal digits.

        A copy has the same id, and so does a new training with identical files and config. An
        index does not change the id: it changes the speed of answers only.
        """
        content = self.model_dump(mode="json", exclude={"created_at", "indexes"})
        content["files"] = {
            name: sha256
            for name, sha256 in self.files.items()
            if not name.startswith(f"{INDEX_FOLDER}/")
        }
        for name in ("cold_start", "audiences", "next", "habits"):
            if not content[name]:  # releases that are older than this field keep their names
                del content[name]
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def read_schema(self) -> Schema:
        """The schema the bundle was written under.

        Raises:
            BundleCorruptError: It does not match its fingerprint.
        """
        try:
            schema = Schema.from_dict(self.graph_schema)
        except SchemaError as error:
            raise BundleCorruptError(f"the bundle's schema cannot be read: {error}") from error
        if schema.fingerprint != self.schema_fingerprint:
            raise BundleCorruptError(
                f"the bundle's schema has the fingerprint {schema.fingerprint}",
                expected=self.schema_fingerprint,
                next_step="train again or copy the bundle whole",
                value=schema.fingerprint,
            )
        return schema


def bundle_file(folder: Path, name: str) -> Path:
    """Returns the path of a file of a bundle, from its relative path.

    Raises:
        BundleCorruptError: It leads out of the folder.
    """
    return inside(folder, name, BundleCorruptError)


def node_path(node_type: str) -> str:
    return f"nodes/{node_type}.parquet"


def vector_path(node_type: str) -> str:
    return f"vectors/{node_type}.npy"


def sources_path(node_type: str) -> str:
    return f"vectors/{node_type}.sources.npy"


def scales_paths(path: str) -> tuple[str, str]:
    """Returns the paths of the scales of rows and of columns, from that of short vectors.

    >>> scales_paths("vectors/User.npy")
    ('vectors/User.scales.npy', 'vectors/User.columns.npy')
    """
    stem = path.removesuffix(".npy")
    return f"{stem}.scales.npy", f"{stem}.columns.npy"


def quality_path(node_type: str) -> str:
    return f"quality/{node_type}.parquet"


def norms_path(node_type: str) -> str:
    return f"vectors/{node_type}.norms.npy"


def edge_paths(edge_type: EdgeType | str) -> tuple[str, str]:
    """Returns the paths of indptr and indices of an edge type."""
    return f"edges/{edge_type}.indptr.npy", f"edges/{edge_type}.indices.npy"


def evidence_paths(edge_type: EdgeType | str) -> tuple[str, str]:
    """Returns the paths of counts and last times of an edge type, if it has them."""
    return f"edges/{edge_type}.counts.npy", f"edges/{edge_type}.last_at_s.npy"


HABIT_PATHS = (
    "habits/first_at_s.npy",
    "habits/decayed.npy",
    "habits/intervals.npy",
    "habits/repeat_rates.npy",
    "habits/popularity.npy",
)
"""The arrays of habits: of the pairs, then of the targets."""


def read_manifest(folder: Path) -> BundleManifest:
    """Reads and checks `manifest.json`.

    Raises:
        BundleMissingError: There is none, or the folder is not a bundle.
        BundleVersionError: Its format version is not supported.
        BundleCorruptError: It is not valid JSON, or does not fit the model of a manifest.
    """
    path = bundle_file(folder, MANIFEST_NAME)
    if not path.is_file():
        raise BundleMissingError(
            f"no bundle at '{folder}': {MANIFEST_NAME} is missing",
            next_step="write one with `graphrec train`",
            value=str(folder),
        )
    try:
        with file_access("read", path):
            raw = read_json(path.read_bytes())
    except ValueError as error:
        raise BundleCorruptError(f"'{path}' is not valid JSON: {error}", value=str(path)) from error
    _check_format(path, raw)
    try:
        return BundleManifest.model_validate(raw)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        raise BundleCorruptError(
            f"'{path}' is damaged: {problems}",
            next_step="train again or copy the bundle whole",
            value=str(path),
        ) from error


def _check_format(path: Path, raw: object) -> None:
    found = raw.get("format") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or found != FORMAT:
        raise BundleMissingError(
            f"'{path.parent}' is not a bundle: its manifest says format {found!r}",
            expected=repr(FORMAT),
            next_step="give the bundle folder that `graphrec train` wrote",
            value=found,
        )
    version = raw.get("format_version")
    if version != FORMAT_VERSION:
        raise BundleVersionError(
            f"'{path.parent}' has format version {version!r}",
            expected=str(FORMAT_VERSION),
            next_step="train again with this version of graphrec, or use the version it came from",
            value=version,
        )


THIS_MODEL = "this model"
_HEADLINES = 2


def figures(manifest: BundleManifest) -> dict[str, float]:
    """Returns every number of the metrics, named by its path.

    Texts identify the entries of a list, so that a figure keeps its name when another entry is
    inserted. The bundle's own model is called 'this model'.

    >>> from types import SimpleNamespace as Manifest
    >>> scores = [{"model": "concat", "task": "new brands", "recall": 0.25}]
    >>> figures(Manifest(config={"encoder": "concat"}, metrics={"k": 20, "scores": scores}))
    {'this model, new brands: recall': 0.25}
    """
    metrics = {name: value for name, value in manifest.metrics.items() if name != "k"}
    return dict(_numbers(metrics, "", manifest.config.get("encoder")))


def length_of_lists(manifest: BundleManifest) -> int | None:
    """Returns the length of the evaluated lists, or None if unknown."""
    k = manifest.metrics.get("k")
    return k if isinstance(k, int) else None


def measured_from(manifest: BundleManifest) -> str | None:
    """Returns the cut-off of the evaluation, as text, or None."""
    said = manifest.metrics.get("cutoff")
    if said is None and manifest.cutoff is not None:
        return manifest.cutoff.isoformat()
    return None if said is None else str(said)


def headline(manifest: BundleManifest) -> dict[str, float]:
    """Returns the first figures of the model itself, without those of baselines.

    >>> from types import SimpleNamespace as Manifest
    >>> scores = [{"model": name, "recall": 0.25} for name in ("popularity", "concat")]
    >>> headline(Manifest(config={"encoder": "concat"}, metrics={"k": 20, "scores": scores}))
    {'recall@20': 0.25}
    """
    metrics = manifest.metrics
    model, k = manifest.config.get("encoder"), metrics.get("k")
    scores = metrics.get("scores")
    for score in scores if isinstance(scores, list) else ():
        if isinstance(score, Mapping) and score.get("model") == model:
            names = ("recall", "ndcg")
            return {f"{name}@{k}": float(score[name]) for name in names if name in score}
    found = figures(manifest)
    at_k = {name: value for name, value in found.items() if "@" in name}
    return dict(list((at_k or found).items())[:_HEADLINES])


def _numbers(value: Any, name: str, own: str | None) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(inner, f"{name} {key}".strip(), own)
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            words = _words(inner, own) or f"{name} {number}"
            yield from _numbers(inner, f"{words}:", own)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)


def _words(entry: Any, own: str | None) -> str:
    if not isinstance(entry, Mapping):
        return ""
    texts = [value for value in entry.values() if isinstance(value, str)]
    return ", ".join(THIS_MODEL if text == own else text for text in texts)
