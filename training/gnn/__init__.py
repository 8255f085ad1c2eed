"""The graph neural network: linear propagation over typed edges, trained by a bilateral softmax."""

from training.gnn.config import GnnConfig
from training.gnn.propagation import HeteroLightGCN, RelationOperator, relation_operators

__all__ = ["GnnConfig", "HeteroLightGCN", "RelationOperator", "relation_operators"]
