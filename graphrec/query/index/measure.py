"""Measures an index: how much of the truth it finds, and what it reads for that."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphrec.bundle.index_entry import Measured
from graphrec.query.exact import exact_scores, keep_best
from graphrec.query.index.orders import Order
from graphrec.query.index.protocol import Index
from graphrec.query.rows import Rows
from graphrec.query.topk import top_k

Mask = npt.NDArray[np.bool_]

KS = (10, 100)
SHARES = (1.0, 0.1, 0.01)
"""What is measured: questions for more, or where fewer pass, are answered without an index."""


@dataclass(frozen=True, slots=True, eq=False)
class Exam:
    """For each share a mask, and for each k and share the true best of an order's seeds."""

    order: Order
    masks: dict[float, Mask | None]
    truth: dict[tuple[int, float], Rows]

    @classmethod
    def of(cls, order: Order, random: np.random.Generator) -> "Exam":
        """Draws the masks and works out the truth without any index."""
        targets = order.targets
        masks = {
            share: None if share == 1 else random.random(len(targets)) < share for share in SHARES
        }
        truth = {}
        for share, mask in masks.items():
            rows, _ = top_k(
                order.seeds,
                np.arange(len(order.seeds)),
                targets,
                k=max(KS),
                similarity=order.similarity,
                mask=mask,
                excluded=order.itself.__getitem__,
            )
            truth.update({(k, share): rows[:, :k] for k in KS})
        return cls(order, masks, truth)

    def take(self, index: Index, k: int, share: float, positions: Rows) -> Measured:
        """What the index does for the seeds at these positions."""
        found = index.propose(
            self.order.seeds,
            positions,
            k=k,
            mask=self.masks[share],
            excluded=[self.order.itself[position] for position in positions],
        )
        scores = exact_scores(
            self.order.seeds,
            positions[found.positions],
            self.order.targets,
            found.rows,
            self.order.similarity,
        )
        rows = np.full((len(positions), k), -1)
        keep_best(found.positions, found.rows, scores, rows, np.empty(rows.shape))
        true = self.truth[k, share][positions]
        missed = sum(
            len(np.setdiff1d(theirs[theirs >= 0], mine))
            for mine, theirs in zip(rows, true, strict=True)
        )
        return Measured(
            k=k,
            share=share,
            recall=1 - missed / max(int((true >= 0).sum()), 1),
            read_once=found.read_once,
            read_in_line=found.read_in_line / len(positions),
            read_at_random=found.read_at_random / len(positions),
        )
