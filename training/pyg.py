"""The one door to PyG, so that what it stirs up in torch at import is kept quiet in one place."""

import warnings

with warnings.catch_warnings():
    # PyG compiles some of its own classes when it is imported, in a way torch has deprecated.
    warnings.filterwarnings("ignore", message=r".*torch\.jit\.", category=FutureWarning)
    warnings.filterwarnings("ignore", message=r".*torch\.jit\.", category=DeprecationWarning)
    from torch_geometric.data import HeteroData
    from torch_geometric.nn.models import LightGCN

__all__ = ["HeteroData", "LightGCN"]
