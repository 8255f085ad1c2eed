"""Flattens nested config and metrics into lines."""

from collections.abc import Iterator, Mapping
from typing import Any


def flat(
    values: Mapping[str, Any], above: str = "", *, keep_empty: bool = False
) -> Iterator[tuple[str, Any]]:
    """Yields every single value, named by its path of keys.

    Args:
        above: The prefix of every name.
        keep_empty: Whether an empty mapping is a value; otherwise it is skipped.

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
