"""Names on one line, and no longer than fits."""


def short(text: str, longest: int) -> str:
    r"""A text on one line, cut off with an ellipsis where it is too long.

    >>> short("A very long name indeed", 12), short("two\nlines", 12)
    ('A very long…', 'two lines')
    """
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
