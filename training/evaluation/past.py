"""What a model that was learned from the past alone serves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphdb.snapshot import Snapshot
from graphrec.bundle import Bundle, NewcomerRule
from training.bundling import bundle_up
from training.encoders import Vectors
from training.quality import QualityConfig
from training.split import Holdout


def bundle_of_the_past(
    folder: Path,
    snapshot: Snapshot,
    holdout: Holdout,
    vectors: Vectors,
    *,
    config: dict[str, Any] | None = None,
    newcomers: Mapping[str, NewcomerRule] | None = None,
    quality: QualityConfig | None = None,
) -> Bundle:
    """Writes a bundle that knows nothing of what is held out: to measure, not to serve.

    Args:
        vectors: Learned from `holdout.train_graph`.
        config: How the model was trained.
        newcomers: Per node type, how a new node gets a vector.
        quality: How much each part counts in the quality of nodes.

    Raises:
        BundleError: The folder exists already.
    """
    return bundle_up(
        folder,
        snapshot,
        holdout.train_graph,
        vectors,
        cutoff=holdout.cutoff,
        config=config or {},
        metrics={},
        newcomers=newcomers,
        quality=quality,
    )
