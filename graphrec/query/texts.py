"""Lists of texts as callers write them."""

from typing import Annotated, Any

from pydantic import BeforeValidator


def _as_tuple(value: Any) -> Any:
    """One text is as good as a list of one."""
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""Ids or names; a single one may stand by itself."""
