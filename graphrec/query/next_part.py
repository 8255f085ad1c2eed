"""A user's part of the block for what comes next, made from recent events with NumPy alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphdb.schema_types import EdgeType
from graphrec.bundle import Bundle, NextRule

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Step:
    """An event with a product of the bundle.

    Args:
        row: Of the product.
        at_s: Seconds since 1970 (UTC), rounded down; None if unknown.
    """

    edge_type: EdgeType
    row: int
    at_s: int | None


class NextPart:
    """Makes the part as training would have, if the events had been in its data.

    Events without a time come last, in the order given, each as a step of its own. A known user's
    part is scaled and added to, see `NextRule`; events that are not later than the newest one that
    the bundle knows of the user are in it already and are left out.
    """

    def __init__(self, bundle: Bundle, rule: NextRule) -> None:
        self._bundle, self._rule = bundle, rule
        parse = bundle.schema.parse_edge_type
        self._weights = {parse(name): weight for name, weight in rule.event_weights.items()}

    @property
    def dimensions(self) -> slice:
        """Which dimensions of a vector are this part."""
        return slice(self._rule.start, self._rule.stop)

    def of_events(self, steps: Sequence[Step]) -> Numbers:
        """The part of someone with these events alone, float64 [width]; zero where none counts."""
        return self._added(np.zeros(self._rule.stop - self._rule.start), steps)

    def of_user(self, user_row: int, steps: Sequence[Step]) -> Numbers:
        """The part of a user of the bundle after these events, float64 [width]."""
        user_type = next(iter(self._weights)).source
        newest_s = self._newest_s(user_row)
        if newest_s is None:
            return self.of_events(steps)
        later = [step for step in steps if step.at_s is None or step.at_s > newest_s]
        own = self._bundle.vectors(user_type)[user_row, self.dimensions]
        return self._added(own.astype(np.float64), later)

    def _newest_s(self, user_row: int) -> int | None:
        """The time of the user's newest event that counts; None where there is none."""
        newest: list[int] = []
        for edge_type in self._weights:
            if self._bundle.has_edges(edge_type):
                edges = self._bundle.edges(edge_type)
                start, end = edges.indptr[user_row], edges.indptr[user_row + 1]
                if edges.evidence is not None and start < end:
                    newest.append(int(edges.evidence.last_at_s[start:end].max()))
        return max(newest, default=None)

    def _added(self, part: Numbers, steps: Sequence[Step]) -> Numbers:
        counted = [step for step in steps if step.edge_type in self._weights]
        if not counted:
            return part
        dated = sorted(
            (step for step in counted if step.at_s is not None), key=lambda step: step.at_s or 0
        )
        ordered = dated + [step for step in counted if step.at_s is None]
        times = np.array([step.at_s for step in dated], dtype=np.int64)
        begins = np.ones(len(ordered), dtype=np.bool_)
        begins[1 : len(dated)] = times[1:] != times[:-1]
        weights = np.array([self._weights[step.edge_type] for step in ordered])
        lengths = np.maximum.reduceat(weights, np.flatnonzero(begins))
        positions = np.cumsum(lengths)
        later = positions[-1] - positions[np.cumsum(begins) - 1]
        rows = np.array([step.row for step in ordered], dtype=np.int64)
        sources = self._bundle.next_sources()[rows].astype(np.float64)
        decay = self._rule.decay
        added: Numbers = decay ** positions[-1] * part + (weights * decay**later) @ sources
        return added
