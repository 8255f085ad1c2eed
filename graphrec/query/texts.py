"""Texts and lists of texts as callers write them."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from graphrec.bundle.ids import is_text


def _as_tuple(value: Any) -> Any:
    """One text is as good as a list of one."""
    return (value,) if isinstance(value, str) else value


def _readable(text: str) -> str:
    if not is_text(text):
        raise ValueError("it is no UTF-8 text")
    return text


Text = Annotated[str, AfterValidator(_readable)]
"""An id or a name; what was read from bytes that are no UTF-8 cannot be one."""

Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_tuple)]
"""Ids or names; a single one may stand by itself."""
