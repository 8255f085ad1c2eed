"""What the questions by name stand on."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Unpack

from graphrec.query.engine import Engine
from graphrec.query.fold_in import Event
from graphrec.query.options import Options, SimilarOptions
from graphrec.query.results import Recommendations


class Questions(ABC):
    """Anything that can recommend.

    Attributes:
        _engine: What answers; a question reads it once, since another may take its place.
    """

    _engine: Engine

    @abstractmethod
    def recommend(
        self, seed_type: str, seed_id: str, target_type: str, **options: Unpack[Options]
    ) -> Recommendations:
        """The best targets for one seed."""

    @abstractmethod
    def recommend_for_events(
        self, events: Sequence[Event], target_type: str, **options: Unpack[Options]
    ) -> Recommendations:
        """The best targets for someone whom the bundle does not hold, by recent events."""

    @abstractmethod
    def similar(
        self, node_type: str, node_id: str, **options: Unpack[SimilarOptions]
    ) -> Recommendations:
        """Nodes of the same type that point the same way."""
