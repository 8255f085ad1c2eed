"""iALS: matrix factorisation of implicit feedback by alternating least squares."""

import numpy as np
import torch
from pydantic import Field

from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from training.baselines.base import InteractionConfig, interactions
from training.data import HeteroData
from training.evaluation.metrics import VectorScorer
from training.extras import check_extra

Tensor = torch.Tensor


class IalsConfig(InteractionConfig):
    """The config of iALS; its defaults were chosen on a validation part of Gowalla.

    Args:
        dim: The dimensions of the vectors.
        iterations: How often both sides are solved.
        regularisation: The weight of the squared lengths of vectors.
        confidence: How much more a known pair of weight 1 counts than an unknown one (the alpha of
            the paper, which uses 40).
        threads: The threads of the solver; the result does not depend on them.
        seed: The seed of the initial vectors.
    """

    dim: int = Field(default=256, ge=1, le=2048)
    iterations: int = Field(default=15, ge=1, le=1000)
    regularisation: float = Field(default=10.0, ge=0, le=1e6, allow_inf_nan=False)
    confidence: float = Field(default=40.0, gt=0, le=1e6, allow_inf_nan=False)
    threads: int = Field(default=1, ge=1, le=1024)
    seed: int = Field(default=0, ge=0, lt=2**32)


class Ials:
    """Implicit alternating least squares: vectors of query nodes and targets.

    The vectors x and y minimise `sum_ui c_ui (p_ui - x_u y_i)^2 + regularisation (|x|^2 + |y|^2)`.
    Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets" (ICDM 2008),
    equation 3, with p = 1 where R > 0 and c = 1 + confidence R. The library `implicit` solves it,
    by three steps of conjugate gradients (Takacs et al., RecSys 2011).
    """

    def __init__(
        self, schema: Schema, target_edge_type: EdgeType, config: IalsConfig | None = None
    ) -> None:
        self.schema = schema
        self.target_edge_type = target_edge_type
        self.config = config or IalsConfig()

    def fit(self, graph: HeteroData) -> VectorScorer:
        """Fits the factors by alternating least squares.

        Raises:
            InsufficientDataError: There are no events to train on.
            SchemaError: A weight is given for a relation that does not exist or does not fit.
            TrainingError: The library is not installed.
        """
        check_extra("implicit", "baselines", "iALS")
        events = interactions(graph, self.schema, self.target_edge_type, self.config)
        return VectorScorer(*_factors(events, self.config))


def _factors(events: Tensor, config: IalsConfig) -> tuple[Tensor, Tensor]:
    """Query nodes' and targets' vectors, float32 [n, dim]."""
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    confidence = (1 + config.confidence * events.values()).float().numpy()
    pairs = csr_matrix((confidence, tuple(events.indices().numpy())), shape=tuple(events.shape))
    # The solver has its own threads; BLAS threads in addition make it many times slower.
    with threadpool_limits(1, user_api="blas"):
        model = AlternatingLeastSquares(
            factors=config.dim,
            regularization=config.regularisation,
            iterations=config.iterations,
            num_threads=config.threads,
            random_state=config.seed,
        )
        model.fit(pairs, show_progress=False)
    queries, targets = (
        torch.from_numpy(np.asarray(side)) for side in (model.user_factors, model.item_factors)
    )
    return queries, targets
