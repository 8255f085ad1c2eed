"""Names and texts as Cypher spells them."""

_PLAIN = frozenset(" _.,:@()+-")
"""Signs that mean nothing inside a Cypher string, nor to the Browser that reads it from a link."""


def quoted(name: str) -> str:
    """A name as a Cypher identifier.

    >>> quoted("odd`name")
    '`odd``name`'
    """
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    r"""A text as a Cypher string, for where no parameter can be bound: a link to Neo4j Browser.

    More is escaped than Cypher asks for: Browser decodes a link before it takes it apart, so that
    a plain `&arg=` would begin a second query, and it drops lines that begin with `//`. Letters
    and digits of all scripts stay readable.

    >>> print(literal("it's"), literal("a&arg=b"), literal("杯子"))
    'it\'s' 'a\u0026arg\u003Db' '杯子'
    """
    return "'" + "".join(_spelled(sign) for sign in text) + "'"


def _spelled(sign: str) -> str:
    if sign.isalnum() or sign in _PLAIN:
        return sign
    if sign in "'\\":  # as \u0027 it would end the string in servers that read escapes first
        return "\\" + sign
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(
        f"\\u{high:02X}{low:02X}" for high, low in zip(units[::2], units[1::2], strict=True)
    )
