"""The figures in a manifest, as one flat list that can be shown and set side by side."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphrec.bundle.manifest import BundleManifest

THIS_MODEL = "this model"
_HEADLINES = 2


def figures(manifest: BundleManifest) -> dict[str, float]:
    """Every number among the metrics, under a name that is made of the words on the way to it.

    Entries of a list are told apart by their texts, so that a figure keeps its name where another
    entry comes before it. The model of the bundle is called 'this model', whichever it is.

    >>> from types import SimpleNamespace as Manifest
    >>> scores = [{"model": "both", "task": "new brands", "recall": 0.25}]
    >>> figures(Manifest(config={"encoder": "both"}, metrics={"k": 20, "scores": scores}))
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
