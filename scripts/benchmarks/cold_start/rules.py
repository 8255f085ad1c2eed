"""What a shop would do without a model: recommend new products like those that one bought.

Every rule gives scores of all users for the hidden products, float32 [num_users, num_hidden].
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.sparse_ops import csr_of, product, with_values

Tensor = torch.Tensor

_BELOW_ONE = 0.5  # how much equal counts differ by, at most: less than one product more


def in_common(bought: Adjacency, members: Adjacency, near: Adjacency) -> Tensor:
    """How many bought products have a neighbor in common with a new one, by each neighbor.

    Args:
        bought: Users and what they bought.
        members: Products and their neighbors by one type of edge.
        near: New products and their neighbors by it.
    """
    return _dense(product(product(_sparse(bought), _sparse(members)), _sparse(near.reverse())))


def in_all_common(
    bought: Adjacency, members: Sequence[Adjacency], near: Sequence[Adjacency]
) -> Tensor:
    """How many bought products have a neighbor in common by every type of edge."""
    alike: Tensor | None = None  # [num_products, num_hidden]
    for one, new in zip(members, near, strict=True):
        shared = product(_sparse(one), _sparse(new.reverse()))
        shared = with_values(shared, torch.ones_like(shared.values()))
        alike = shared if alike is None else (alike * shared).coalesce()
    assert alike is not None
    return _dense(product(_sparse(bought), alike))


def named(bought: Adjacency, near: Sequence[Adjacency]) -> Tensor:
    """How many bought products a new one is related to, by each kind of relation."""
    return sum(
        (_dense(product(_sparse(bought), _sparse(one.reverse()))) for one in near),
        torch.zeros(bought.num_sources, near[0].num_sources),
    )


def popularity(bought: Adjacency, members: Adjacency, near: Adjacency) -> Tensor:
    """How many purchases the neighbors of a new product account for, float32 [num_hidden]."""
    sold = np.bincount(bought.indices, minlength=bought.num_targets)
    owners = np.repeat(np.arange(members.num_sources), members.degrees())
    of_group = np.bincount(members.indices, weights=sold[owners], minlength=members.num_targets)
    new = np.repeat(np.arange(near.num_sources), near.degrees())
    return torch.from_numpy(
        np.bincount(new, weights=of_group[near.indices], minlength=near.num_sources)
    ).float()


def group_rules(
    bought: Adjacency,
    members: Mapping[EdgeType, Adjacency],
    near: Mapping[EdgeType, Adjacency],
) -> dict[str, Tensor]:
    """By brand and categories, or whatever groups the products have.

    Equal counts are ordered by how much the brand and the categories sell. Several ways to count,
    because which is best depends on the data: all groups alike; one kind of group, and where that
    is the same all alike; what was bought of all kinds at once, then all alike.
    """
    kinds = sorted(near)
    counts = [in_common(bought, members[edge_type], near[edge_type]) for edge_type in kinds]
    sold = sum(
        (popularity(bought, members[edge_type], near[edge_type]) for edge_type in kinds),
        torch.zeros(counts[0].shape[1]),
    )
    alike = sum(counts[1:], counts[0])
    both = in_all_common(bought, [members[t] for t in kinds], [near[t] for t in kinds])
    by_all = _broken(alike, sold)
    found = {
        "what its groups sell": sold.expand(bought.num_sources, -1),
        "groups in common": by_all,
    }
    for edge_type, count in zip(kinds, counts, strict=True):
        found[f"groups in common, {edge_type.target} first"] = _before(count, by_all)
    return found | {"groups in common, all at once": _before(both, by_all)}


def _broken(counts: Tensor, sold: Tensor) -> Tensor:
    """Counts, and where these are the same what sells more first."""
    return counts + _BELOW_ONE * sold / sold.max().clamp(min=1)


def _before(first: Tensor, second: Tensor) -> Tensor:
    """By the first; where that is the same, by the second."""
    return first + second / (second.max() + 1)


def _sparse(pairs: Adjacency) -> Tensor:
    return csr_of(pairs).to_sparse_coo().coalesce()


def _dense(matrix: Tensor) -> Tensor:
    return matrix.to_dense().float()
