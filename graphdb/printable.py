"""Makes untrusted text safe to print, to log and to write into Cypher.

It escapes ids and titles for terminals, hides passwords in addresses, and quotes names and texts
for Cypher.
"""

import re
import unicodedata
from urllib.parse import unquote

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
"""Letters and marks without a visible glyph."""


def printable(text: str) -> str:
    r"""Escapes the characters that move a cursor, are invisible, or change the text direction.

    All others stay, spaces of all kinds included.

    >>> print(printable("\x1b[31mred\nline\u202e"), printable("Käse 奶酪 🧀"))
    \x1b[31mred\nline\u202e Käse 奶酪 🧀
    """
    return "".join(sign if is_printable(sign) else spelled(sign) for sign in text)


def is_printable(sign: str) -> bool:
    """Returns whether a character is shown as itself and has no other effect."""
    if sign.isprintable():
        return sign not in _BLANK
    return unicodedata.category(sign) == "Zs"


def spelled(sign: str) -> str:
    r"""Returns a character as a Python escape.

    >>> print(spelled("\t"), spelled("\x9b"), spelled("\U000e0001"))
    \t \x9b \U000e0001
    """
    return sign.encode("unicode_escape").decode("ascii")


HIDDEN = "***"

_END = r"[^\s'\"`]*"
_AT = r"(?:@|%(?:25)*40)"
_NEO4J = re.compile(rf"\b((?:neo4j|bolt)(?:\+s(?:sc)?)?:/*)({_END})", re.IGNORECASE)
_AT_SIGN = re.compile(_AT, re.IGNORECASE)
_PORT = r"(?::(?:\d+|PORT)\b)"
_HOST = re.compile(rf"(?:\[[\da-f:.]*\]|[\w.-]*){_PORT}?", re.IGNORECASE)
_USER = re.compile(rf"\b([a-z][a-z0-9+.-]*:/+)[^\s'\"`/?#]*{_AT}", re.IGNORECASE)
# The rest of an address that was split at the @, such as that of REGISTRY@NAME.
_CUT = re.compile(
    rf"\b([a-z][a-z0-9+.-]*:/+)[^\s'\"`/?#:\[]+(?!{_PORT}):[^\s'\"`/?#]+", re.IGNORECASE
)
_NAME = r"[\w.-]*(?:passw|pwd|secret|token|credential|signature|api_?key|access_?key)[\w.-]*|pass"
_IS = r"(?:=|%(?:25)*3D)"
_GIVEN = re.compile(
    rf"((?:[?&;#]|%(?:25)*(?:3F|26|23))(?:{_NAME}){_IS})[^\s'\"`&;#]*", re.IGNORECASE
)
_DECODED_AT_MOST = 5


def redacted(text: str) -> str:
    """Replaces secrets in the addresses of a text by ***.

    Secrets are user and password, and values whose names look secret. A Neo4j address keeps
    only scheme, host and port.

    >>> redacted("cannot reach 'https://eve:hunter2@db/x?page=2&token=abc'")
    "cannot reach 'https://***@db/x?page=2&token=***'"
    >>> redacted("neo4j://eve:hun/ter2@db:7687?password=x")
    'neo4j://***@db:7687?***'
    """
    text = _CUT.sub(rf"\1{HIDDEN}", _USER.sub(rf"\1{HIDDEN}@", _NEO4J.sub(_host_alone, text)))
    return _GIVEN.sub(rf"\1{HIDDEN}", text)


def holds_secret(address: str) -> bool:
    """Returns whether an address holds a user, a password or a value whose name looks secret.

    >>> holds_secret("bolt://db:7687"), holds_secret("bolt://eve%3Ahunter2%40db")
    (False, True)
    """
    for _ in range(_DECODED_AT_MOST):
        address, before = unquote(address), address
        if "@" in address or _GIVEN.search(address):
            return True
        if address == before:
            return False
    return True


def _host_alone(found: re.Match[str]) -> str:
    scheme, rest = found.groups()
    *users, place = _AT_SIGN.split(rest)
    host = _HOST.match(place)
    shown = host[0] if host else ""
    after = place[len(shown) :]
    if len(after) > 1:
        after = after[0] + HIDDEN
    return f"{scheme}{f'{HIDDEN}@' if users else ''}{shown}{after}"


_PLAIN = frozenset(" _.,:@()+-")
"""Characters without a special meaning in a Cypher string and in a link to Neo4j Browser."""


def quoted(name: str) -> str:
    """A name as a Cypher identifier.

    >>> quoted("odd`name")
    '`odd``name`'
    """
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    r"""Returns a text as a Cypher string for a link to Neo4j Browser, which cannot bind parameters.

    It escapes more than Cypher needs: Browser decodes a link before it splits it, so a plain
    `&arg=` would start a second query, and it drops lines that begin with `//`. Letters and
    digits of all scripts stay readable.

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
