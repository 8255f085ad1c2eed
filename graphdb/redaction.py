"""Keeps passwords in addresses out of everything that is shown or kept."""

import re
from urllib.parse import unquote

HIDDEN = "***"

_END = r"[^\s'\"`]*"
_AT = r"(?:@|%(?:25)*40)"
_NEO4J = re.compile(rf"\b((?:neo4j|bolt)(?:\+s(?:sc)?)?:/*)({_END})", re.IGNORECASE)
_AT_SIGN = re.compile(_AT, re.IGNORECASE)
_PORT = r"(?::(?:\d+|PORT)\b)"
_HOST = re.compile(rf"(?:\[[\da-f:.]*\]|[\w.-]*){_PORT}?", re.IGNORECASE)
_USER = re.compile(rf"\b([a-z][a-z0-9+.-]*:/+)[^\s'\"`/?#]*{_AT}", re.IGNORECASE)
# What is left of one where the text was cut at the @, as that of REGISTRY@NAME is.
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
    """A text with *** in place of what may be secret in the addresses in it.

    That is who logs in where, and values whose names say that they are secret. Of an address of
    Neo4j nothing is left but scheme, host and port.

    >>> redacted("cannot reach 'https://eve:hunter2@db/x?page=2&token=abc'")
    "cannot reach 'https://***@db/x?page=2&token=***'"
    >>> redacted("neo4j://eve:hun/ter2@db:7687?password=x")
    'neo4j://***@db:7687?***'
    """
    text = _CUT.sub(rf"\1{HIDDEN}", _USER.sub(rf"\1{HIDDEN}@", _NEO4J.sub(_host_alone, text)))
    return _GIVEN.sub(rf"\1{HIDDEN}", text)


def holds_secret(address: str) -> bool:
    """Whether an address names who logs in, or holds a value that is named as a secret.

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
