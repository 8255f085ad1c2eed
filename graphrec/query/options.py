"""How a question is to be answered."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from graphdb.errors import QueryError, nearest
from graphrec.query.filters import Filters
from graphrec.query.topk import check_k


class SimilarOptions(TypedDict, total=False):
    """What can be said of any question.

    Args:
        k: How many, 1 or more, 10 by default; fewer come out when fewer pass.
        filters: What must be true of what comes out.
    """

    k: int
    filters: Filters | None


class AudienceOptions(SimilarOptions, total=False):
    """What can be said when an audience is asked for.

    Args:
        share: How many users, as a share of all; in place of k.
        min_score: The least likeness of a user, 0 to 1. One half is as like the audience as
            everyone.
    """

    share: float | None
    min_score: float


class Options(SimilarOptions, total=False):
    """What can be said when something is recommended.

    Args:
        exclude_seen: Leave out what the seed has had, such as products a user bought; True by
            default.
    """

    exclude_seen: bool


@dataclass(frozen=True, slots=True)
class Question:
    """All options of a question, checked."""

    k: int = 10
    filters: Filters | None = None
    exclude_seen: bool = True

    def __post_init__(self) -> None:
        check_k(self.k)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Question":
        """From keyword arguments.

        Raises:
            QueryError: There is no such option, or a value cannot be one.
        """
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                raise QueryError(
                    f"there is no option '{name}'",
                    expected="one of " + ", ".join(known),
                    next_step=nearest(name, known),
                    value=name,
                )
        return cls(**options)
