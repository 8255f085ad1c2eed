"""The graph neural network: linear propagation over typed ties, trained by a bilateral softmax."""

from training.gnn.config import GnnConfig
from training.gnn.messages import Message, messages_of
from training.gnn.propagation import LinearPropagation

__all__ = ["GnnConfig", "LinearPropagation", "Message", "messages_of"]
