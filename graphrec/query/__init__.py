"""The query layer: one ranking function over a bundle, and the names people ask it by."""

from graphrec.query.filters import Filters
from graphrec.query.recommender import Recommender
from graphrec.query.results import Recommendation, Recommendations
from graphrec.query.seen import Seen

__all__ = ["Filters", "Recommendation", "Recommendations", "Recommender", "Seen"]
