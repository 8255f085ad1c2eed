"""The figures in a manifest, as one flat list that can be shown and set side by side."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphrec.bundle.manifest import BundleManifest

_HEADLINES = 2


def figures(manifest: BundleManifest) -> dict[str, float]:
    """Every number among the metrics, under a name that is made of the words on the way to it.

    Entries of a list are told apart by their texts, so that a figure keeps its name where another
    entry comes before it.

    >>> from types import SimpleNamespace as Manifest
    >>> scores = [{"task": "new brands", "model": "both", "recall": 0.25}]
    >>> figures(Manifest(metrics={"k": 20, "scores": scores}))
    {'k': 20.0, 'new brands, both: recall': 0.25}
    """
    return dict(_numbers(manifest.metrics, ""))


def measured_from(manifest: BundleManifest) -> str | None:
    """The cut-off that the figures were measured with, as text; None where none is named."""
    said = manifest.metrics.get("cutoff")
    if said is None and manifest.cutoff is not None:
        return manifest.cutoff.isoformat()
    return None if said is None else str(said)


def headline(manifest: BundleManifest) -> dict[str, float]:
    """The first figures of the model itself: those of baselines beside it do not count.

    >>> from types import SimpleNamespace as Manifest
    >>> scores = [{"model": name, "recall": 0.25} for name in ("popularity", "both")]
    >>> headline(Manifest(config={"encoder": "both"}, metrics={"k": 20, "scores": scores}))
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


def _numbers(value: Any, name: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(inner, f"{name}{' ' if name else ''}{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            words = _words(inner) or f"{name} {number}"
            yield from _numbers(inner, f"{words}:")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)


def _words(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return ""
    return ", ".join(value for value in entry.values() if isinstance(value, str))
