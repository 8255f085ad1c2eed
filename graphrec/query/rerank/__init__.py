"""From the best candidates to the list that is shown: new items get a share, and no one crowds."""

from graphrec.query.rerank.fairness import Fairness
from graphrec.query.rerank.reranker import Reranker

__all__ = ["Fairness", "Reranker"]
