"""Nested settings and facts as lines."""

from collections.abc import Iterator, Mapping
from typing import Any


def flat(
    values: Mapping[str, Any], above: str = "", *, keep_empty: bool = False
) -> Iterator[tuple[str, Any]]:
    """Every single value, named by the keys that lead there.

    Args:
        above: What every name begins with.
        keep_empty: Whether a mapping without entries is a value; else nothing is told of it.

    >>> list(flat({"graph": {"dim": 1}, "seed": 0, "relation_weights": {}}))
    [('graph.dim', 1), ('seed', 0)]
    >>> list(flat({"relation_weights": {}}, keep_empty=True))
    [('relation_weights', {})]
    """
    for name, value in values.items():
        if isinstance(value, Mapping) and (value or not keep_empty):
            yield from flat(value, f"{above}{name}.", keep_empty=keep_empty)
        else:
            yield f"{above}{name}", value
