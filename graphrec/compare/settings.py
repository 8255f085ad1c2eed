"""What two manifests say: settings that differ, and figures side by side."""

from dataclasses import dataclass
from typing import Any

from graphrec.bundle import BundleManifest
from graphrec.bundle.measured import figures, length_of_lists, measured_from
from graphrec.nested import flat


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that differs; None also where a release does not have it."""

    name: str
    in_a: Any
    in_b: Any


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured of both."""

    name: str
    in_a: float
    in_b: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What the manifests say about quality.

    Args:
        comparable: Whether both were measured from the same moment on, with lists of one length.
        note: Why not, or what else to keep in mind; empty where there is nothing.
        figures: Those that both have; none where they are not comparable.
    """

    comparable: bool
    note: str
    figures: tuple[Figure, ...]


def settings_that_differ(a: BundleManifest, b: BundleManifest) -> tuple[Setting, ...]:
    """By name, the names of nested ones joined by dots."""
    in_a, in_b = (dict(flat(one.config, keep_empty=True)) for one in (a, b))
    return tuple(
        Setting(name, in_a.get(name), in_b.get(name))
        for name in sorted({*in_a, *in_b})
        if in_a.get(name) != in_b.get(name)
    )


def figures_side_by_side(a: BundleManifest, b: BundleManifest) -> Figures:
    """The figures of both, where they answer the same question."""
    in_a, in_b = figures(a), figures(b)
    if not in_a or not in_b:
        without = " and ".join(name for name, of in (("A", in_a), ("B", in_b)) if not of)
        return Figures(False, f"nothing was measured of {without}", ())
    from_a, from_b = measured_from(a), measured_from(b)
    same_data = a.snapshot_id == b.snapshot_id
    if from_a != from_b:
        note = f"A was measured from {_moment(from_a)} on, B from {_moment(from_b)} on"
        return Figures(False, note, ())
    if from_a is None and not same_data:
        note = "neither says from when on it was measured, and they are of different snapshots"
        return Figures(False, note, ())
    note = "" if same_data else "they were measured on different snapshots with the same cut-off"
    lengths = [length_of_lists(one) for one in (a, b)]
    if lengths[0] != lengths[1]:
        return Figures(False, f"A was measured on lists of {lengths[0]}, B of {lengths[1]}", ())
    both = [name for name in in_a if name in in_b]
    return Figures(True, note, tuple(Figure(name, in_a[name], in_b[name]) for name in both))


def _moment(text: str | None) -> str:
    return "a moment it does not name" if text is None else text
