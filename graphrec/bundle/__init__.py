"""The bundle: one folder = one model release, plain arrays and Parquet files."""

from graphrec.adjacency import Adjacency, Evidence
from graphrec.bundle.audiences import AudienceFigures
from graphrec.bundle.cold_start_rule import ColdStartRule
from graphrec.bundle.habits import HabitRule, Habits, PairHistory, TargetHabits
from graphrec.bundle.manifest import BundleManifest
from graphrec.bundle.next_rule import NextRule
from graphrec.bundle.quality import Quality, QualityPart, QualityRule
from graphrec.bundle.reader import Bundle, open_bundle
from graphrec.bundle.short_vectors import VectorType
from graphrec.bundle.writer import write_bundle

__all__ = [
    "Adjacency",
    "AudienceFigures",
    "Bundle",
    "BundleManifest",
    "ColdStartRule",
    "Evidence",
    "HabitRule",
    "Habits",
    "NextRule",
    "PairHistory",
    "Quality",
    "QualityPart",
    "QualityRule",
    "TargetHabits",
    "VectorType",
    "open_bundle",
    "write_bundle",
]
