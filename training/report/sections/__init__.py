"""The parts of a report, in the order in which a reader needs them."""

from collections.abc import Callable

from training.report.parts import Section
from training.report.sections.catalogue import catalogue
from training.report.sections.cold_start import cold_start
from training.report.sections.data import graph, rejects
from training.report.sections.exposure import exposure
from training.report.sections.groups import groups
from training.report.sections.headline import headline
from training.report.sections.leaks import leaks
from training.report.sections.lifts import lifts
from training.report.sections.maps import maps
from training.report.sections.neighbours import neighbours
from training.report.sections.protocol import settings, spending, versions
from training.report.sections.tasks import tasks
from training.report.sections.training_curves import training_curves
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
    neighbours,
    training_curves,
    graph,
    rejects,
    settings,
    versions,
    spending,
)
