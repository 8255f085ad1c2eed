"""What a model that was learned from the past alone serves."""

from pathlib import Path

from graphdb.snapshot import Snapshot
from graphrec.bundle import Bundle
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
    quality: QualityConfig | None = None,
) -> Bundle:
    """Writes a bundle that knows nothing of what is held out: to measure, not to serve.

    Args:
        vectors: Learned from `holdout.train_graph`.

    Raises:
        BundleError: The folder exists already.
    """
    return bundle_up(
        folder,
        snapshot,
        holdout.train_graph,
        vectors,
        cutoff=holdout.cutoff,
        config={},
        metrics={},
        quality=quality,
    )
