"""The encoder: rows of the nodes' own, carried along typed ties, averaged over the layers."""

from collections.abc import Mapping, Sequence

import torch

from training.gnn.messages import Message
from training.gnn.products import multiply, multiply_rows

Tensor = torch.Tensor
Wanted = Sequence[tuple[str, Tensor | None]]
"""Node types with the rows that are asked for; None stands for all rows, in order."""

_INITIAL_SPREAD = 0.1


class LinearPropagation(torch.nn.Module):
    """x0 = m E; x_(k+1) = sum_r gain_r A_r x_k; z = g x0 + (1 - g) mean_k x_k.

    g = 1 / (L + 1), so that with one relation, unit weights and no dropout this is LightGCN (He et
    al., SIGIR 2020, equations 3 and 8). Deviations: several relations, each with a positive gain
    that may be learned; rows are left out by chance (m), so that neighbours have to speak for a
    node by themselves.

    Args:
        num_nodes: Per node type.
        messages: The ways between them.
        own_rows: Per node type bool [num_nodes], which nodes have a row of their own; all, for
            types that are left out.
    """

    def __init__(
        self,
        num_nodes: Mapping[str, int],
        messages: Sequence[Message],
        *,
        dim: int,
        num_layers: int,
        own_rows: Mapping[str, Tensor] | None = None,
        learn_gains: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.messages = list(messages)
        self.num_layers = num_layers
        self.rows = torch.nn.ParameterDict(
            {
                node_type: _INITIAL_SPREAD * torch.randn(number, dim, generator=generator)
                for node_type, number in num_nodes.items()
            }
        )
        for node_type, has_row in (own_rows or {}).items():
            self.rows[node_type].data[~has_row.cpu()] = 0
        gains = torch.tensor([message.gain for message in self.messages])
        # The inverse of softplus, which keeps a gain positive, in a form that does not overflow.
        self.raw_gains = torch.nn.Parameter(gains + torch.log(-torch.expm1(-gains)), learn_gains)

    @property
    def gains(self) -> dict[str, float]:
        """What each message has come to carry, by name."""
        values = torch.nn.functional.softplus(self.raw_gains.detach()).tolist()
        return dict(zip((message.name for message in self.messages), values, strict=True))

    def forward(self, wanted: Wanted, keep: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        """Vectors of the wanted rows, [num_rows, dim] for each entry.

        Args:
            keep: bool [num_nodes] per node type, which nodes have their own row; all by default.
        """
        own = self._base(keep)  # x_0, of all nodes
        every: Wanted = [(node_type, None) for node_type in own]
        total = own  # x_0 + ... + x_k = x_0 + A (x_0 + ... + x_(k-1)): no layer is held by itself
        for _ in range(self.num_layers - 1):
            total = dict(zip(own, self._with_arrived(own, total, every), strict=True))
        if self.num_layers:
            found = self._with_arrived(own, total, wanted)
        else:
            found = [_pick(own[node_type], rows) for node_type, rows in wanted]
        return [vectors / (self.num_layers + 1) for vectors in found]

    def _base(self, keep: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        if keep is None:
            return dict(self.rows)
        return {node_type: own * keep[node_type][:, None] for node_type, own in self.rows.items()}

    def _with_arrived(
        self, own: Mapping[str, Tensor], sent: Mapping[str, Tensor], wanted: Wanted
    ) -> list[Tensor]:
        """Own vectors plus all that arrives where vectors are sent along every tie once."""
        gains = torch.nn.functional.softplus(self.raw_gains)
        found = []
        for node_type, rows in wanted:
            vectors = _pick(own[node_type], rows)
            for gain, message in zip(gains, self.messages, strict=True):
                if message.target == node_type:
                    arrived = (
                        multiply(message.operator, sent[message.source])
                        if rows is None
                        else multiply_rows(message.operator, rows, sent[message.source])
                    )
                    vectors = torch.addcmul(vectors, gain, arrived)
            found.append(vectors)
        return found


def _pick(vectors: Tensor, rows: Tensor | None) -> Tensor:
    return vectors if rows is None else vectors[rows]
