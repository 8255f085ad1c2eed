"""The graph neural network: linear propagation over typed ties, trained by a bilateral softmax."""

from training.gnn.config import GnnConfig
from training.gnn.propagation import HeteroLightGCN, Message, messages_of

__all__ = ["GnnConfig", "HeteroLightGCN", "Message", "messages_of"]
