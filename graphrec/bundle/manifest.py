"""The manifest of a bundle: what the folder holds, so that a reader can check it."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from graphdb.errors import BundleCorruptError, BundleMissingError, BundleVersionError, SchemaError
from graphdb.file_access import file_access
from graphdb.inside import inside
from graphdb.plain_json import read_json
from graphdb.schema_types import EdgeType, Schema
from graphrec.bundle.audiences import AudienceFigures
from graphrec.bundle.index_entry import INDEX_FOLDER, IndexEntry
from graphrec.bundle.newcomers import NewcomerRule
from graphrec.bundle.quality import QualityRule

FORMAT = "graphrec-bundle"
FORMAT_VERSION = 2
MANIFEST_NAME = "manifest.json"


Count = Annotated[int, Field(ge=0, strict=True)]


class BundleManifest(BaseModel):
    """What `manifest.json` holds.

    Args:
        snapshot_id: Which snapshot the model learned from.
        cutoff: The model knows nothing from this moment on; None when there is no cut-off.
        newest_event_at: When the newest event of the evidence happened; None without any.
        dim: Length of every vector.
        similarity: How a seed's vector and a target's make a score.
        config: How the model was trained.
        metrics: What it reached on held-out data.
        num_nodes: Number of nodes per type.
        num_edges: Number of distinct edges per edge type, written 'User-PURCHASED-Product'.
        files: sha256 per file, by path inside the folder.
        newcomers: Per node type, how a new node gets a vector; empty where none can.
        quality: Per node type with a table of quality, what it is made of.
        indexes: By name, such as 'Product.dot'; empty where none were built.
        audiences: By type, such as 'Brand', what held-out weeks told of audiences; empty where
            nothing was held out, or too little to tell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["graphrec-bundle"] = "graphrec-bundle"
    format_version: Literal[2] = 2
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
    newcomers: dict[str, NewcomerRule] = Field(default_factory=dict)
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
            "newcomers",
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
        for name in ("newcomers", "audiences"):
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
