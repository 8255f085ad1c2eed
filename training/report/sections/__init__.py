"""The parts of a report, in the order in which a reader needs them."""

from collections.abc import Callable

from training.report.page import Omitted, Section
from training.report.sections.data import (
    catalogue,
    graph,
    leaks,
    made,
    rejects,
    tasks,
    training_curves,
)
from training.report.sections.groups import groups, lifts, popularity
from training.report.sections.headline import headline
from training.report.sections.maps import maps, neighbors
from training.report.sources import Sources

SECTIONS: tuple[Callable[[Sources], Section | Omitted], ...] = (
    headline,
    tasks,
    leaks,
    catalogue,
    groups,
    popularity,
    lifts,
    maps,
    neighbors,
    training_curves,
    graph,
    rejects,
    made,
)
