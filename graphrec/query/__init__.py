"""The query layer: one ranking function over a release, and the names people ask it by."""

from graphrec.query.audience.curve import ReachPoint
from graphrec.query.audience.portfolio import Pick, Portfolio
from graphrec.query.filters import Filters
from graphrec.query.names import Skipped
from graphrec.query.policy import Block, Exclusion, Licence, OwnBlock, Policy, read_policy
from graphrec.query.recommender import Recommender
from graphrec.query.results import Batch, Outcome, Recommendation, Recommendations, Trace
from graphrec.query.seen import Seen

__all__ = [
    "Batch",
    "Block",
    "Exclusion",
    "Filters",
    "Licence",
    "Outcome",
    "OwnBlock",
    "Pick",
    "Policy",
    "Portfolio",
    "ReachPoint",
    "Recommendation",
    "Recommendations",
    "Recommender",
    "Seen",
    "Skipped",
    "Trace",
    "read_policy",
]
