"""The parts of a report, in the order in which a reader needs them."""

from collections.abc import Callable

from training.report.page import Section
from training.report.sections.data import (
    catalogue,
    graph,
    leaks,
    rejects,
    settings,
    spending,
    tasks,
    training_curves,
    versions,
)
from training.report.sections.groups import cold_start, exposure, groups, lifts
from training.report.sections.headline import headline
from training.report.sections.maps import maps, neighbors
from training.report.sources import Sources

SECTIONS: tuple[Callable[[Sources], Section], ...] = (
    headline,
    tasks,
    leaks,
    catalogue,
    groups,
    cold_start,
    exposure,
    lifts,
    maps,
    neighbors,
    training_curves,
    graph,
    rejects,
    settings,
    versions,
    spending,
)
