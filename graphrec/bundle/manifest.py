"""Defines and reads the manifest of a bundle, which says what the folder holds.

Readers of a bundle check its files against it. An index has its own entry, with what it was
measured to do. `figures` turns the metrics of a manifest into one flat mapping that can be shown
and compared.
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
from graphrec.bundle.quality import QualityRule

INDEX_FOLDER = "index"
BOUNDS_PARTS = ("rows.npy", "heads.npy", "lengths.npy", "rotation.npy")
IVF_PARTS = ("faiss",)

SHARE_SLACK = 1.1
"""Figures count for shares down to a tenth below: a policy that blocks a few makes nothing hard."""

Share = Annotated[float, Field(gt=0, le=1)]


class Measured(BaseModel):
    """What an index was measured to do for sampled queries when it was built.

    Args:
        k: How many targets were asked for.
        share: What share of the targets passed, drawn at random.
        recall: What share of the true best k it found, in the mean.
        read_once: Numbers of vectors that were read here and there for all queries together.
        read_in_line: Numbers that were read one after the other, per query node in the mean.
        read_at_random: Numbers of vectors that were read here and there, per query node in the
            mean.
        probes: Of 'ivf': how many lists were looked through.
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
    """One index: files in the bundle's folder `index`, and what they were measured to do.

    Args:
        kind: 'bounds' is exact, see `graphrec.query.index.exact`; 'ivf' is FAISS's inverted lists
            and approximate.
        target_type: Whose vectors it holds.
        similarity: For which scores.
        num_rows: How many targets it holds; with a cosine, those with a vector that is not zero.
        width: Of 'bounds': numbers kept per target.
        queries: How many queries of each type it was measured with.
        measured: At several k and shares.
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
            raise ValueError("an index of kind 'bounds' has a width")
        if self.kind == "ivf" and any(one.probes is None for one in self.measured):
            raise ValueError("an index of kind 'ivf' says how many lists are looked through")
        return self

    @property
    def name(self) -> str:
        return f"{self.target_type}.{self.similarity}"

    def path(self, part: str) -> str:
        """Where one of its files lies, within the bundle's folder."""
        return f"{INDEX_FOLDER}/{self.name}.{part}"

    @property
    def paths(self) -> tuple[str, ...]:
        """Where all of them lie."""
        parts = BOUNDS_PARTS if self.kind == "bounds" else IVF_PARTS
        return tuple(map(self.path, parts))

    def measured_at(self, k: int, share: float) -> Measured | None:
        """The figures to expect: those of the nearest k and share that are no easier.

        None if there are none: nothing is known about such a question.
        """
        harder = [one for one in self.measured if one.k >= k and one.share <= SHARE_SLACK * share]
        return min(harder, key=lambda one: (-one.share, one.k), default=None)


FORMAT = "graphrec-bundle"
FORMAT_VERSION = 3
MANIFEST_NAME = "manifest.json"


Count = Annotated[int, Field(ge=0, strict=True)]


class BundleManifest(BaseModel):
    """What `manifest.json` holds.

    Args:
        snapshot_id: Which snapshot the model learned from.
        cutoff: The model knows nothing from this moment on; None when there is no cut-off.
        newest_event_at: When the newest event of the evidence happened; None without any.
        dim: Length of every vector.
        similarity: How a query node's vector and a target's make a score.
        config: How the model was trained.
        metrics: What it reached on held-out data.
        num_nodes: Number of nodes per type.
        num_edges: Number of distinct edges per edge type, written 'User-PURCHASED-Product'.
        files: sha256 per file, by path inside the folder.
        cold_start: Per node type, how a new node gets a vector; empty where none can.
        quality: Per node type with a table of quality, what it is made of.
        indexes: By name, such as 'Product.dot'; empty where none were built.
        audiences: By type, such as 'Brand', what held-out weeks told of audiences; empty where
            nothing was held out, or too little to tell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["graphrec-bundle"] = "graphrec-bundle"
    format_version: Literal[3] = 3
    created_at: AwareDatetime
    snapshot_id: str
    cutoff: AwareDatetime | None
    newest_event_at: AwareDatetime | None = None
    dim: int = Field(ge=1)
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

    def to_json(self) -> str:
        """The text of `manifest.json`; the same content gives the same text."""
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
        """Names the release by its content: 12 hexadecimal digits.

        A copy has the same; training again to the very same files and settings does, too. An index
        changes how fast the release answers, not what it is.
        """
        content = self.model_dump(mode="json", exclude={"created_at", "indexes"})
        content["files"] = {
            name: sha256
            for name, sha256 in self.files.items()
            if not name.startswith(f"{INDEX_FOLDER}/")
        }
        for name in ("cold_start", "audiences"):
            if not content[name]:  # releases from before there were any keep their names
                del content[name]
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def read_schema(self) -> Schema:
        """The schema the bundle was written under.

        Raises:
            BundleCorruptError: It is not the one that the fingerprint was taken of.
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
    """The path of a file of a bundle, by its path in the folder.

    Raises:
        BundleCorruptError: It leads out of the folder.
    """
    return inside(folder, name, BundleCorruptError)


def node_path(node_type: str) -> str:
    return f"nodes/{node_type}.parquet"


def vector_path(node_type: str) -> str:
    return f"vectors/{node_type}.npy"


def quality_path(node_type: str) -> str:
    return f"quality/{node_type}.parquet"


def norms_path(node_type: str) -> str:
    return f"vectors/{node_type}.norms.npy"


def edge_paths(edge_type: EdgeType | str) -> tuple[str, str]:
    """Where the indptr and the indices of an edge type lie."""
    return f"edges/{edge_type}.indptr.npy", f"edges/{edge_type}.indices.npy"


def evidence_paths(edge_type: EdgeType | str) -> tuple[str, str]:
    """Where the counts and the last moments of an edge type lie, if it has them."""
    return f"edges/{edge_type}.counts.npy", f"edges/{edge_type}.last_at_s.npy"


def read_manifest(folder: Path) -> BundleManifest:
    """Reads and checks `manifest.json`.

    Raises:
        BundleMissingError: There is none, or the folder holds something else.
        BundleVersionError: It is of a format version that is not read here.
        BundleCorruptError: It is not valid JSON, or not what a manifest has to hold.
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
            next_step="give the folder that `graphrec train` wrote",
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
    """Every number among the metrics, under a name that is made of the words on the way to it.

    Entries of a list are told apart by their texts, so that a figure keeps its name where another
    entry comes before it. The model of the bundle is called 'this model', whichever it is.

    >>> from types import SimpleNamespace as Manifest
    >>> scores = [{"model": "concat", "task": "new brands", "recall": 0.25}]
    >>> figures(Manifest(config={"encoder": "concat"}, metrics={"k": 20, "scores": scores}))
    {'this model, new brands: recall': 0.25}
    """
    metrics = {name: value for name, value in manifest.metrics.items() if name != "k"}
    return dict(_numbers(metrics, "", manifest.config.get("encoder")))


def length_of_lists(manifest: BundleManifest) -> int | None:
    """How long the lists were that the figures are about; None where that is not said."""
    k = manifest.metrics.get("k")
    return k if isinstance(k, int) else None


def measured_from(manifest: BundleManifest) -> str | None:
    """The cut-off that the figures were measured with, as text; None where none is named."""
    said = manifest.metrics.get("cutoff")
    if said is None and manifest.cutoff is not None:
        return manifest.cutoff.isoformat()
    return None if said is None else str(said)


def headline(manifest: BundleManifest) -> dict[str, float]:
    """The first figures of the model itself: those of baselines beside it do not count.

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
