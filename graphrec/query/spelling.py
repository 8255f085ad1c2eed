"""Finds what an entry that names nothing was meant to name: the same word, written otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.bundle.ids import PRIVATE_TYPES

_INVISIBLE = r"[\p{Cf}\p{Cc}]"  # zero-width spaces, byte order marks, soft hyphens, tabs
_FLOAT = r"^(\d+)\.0+$"  # 17.0, where a column of whole numbers has gaps
_PADDED = r"^0+(\d+)$"  # 007, or the 7 that a spreadsheet made of it


@dataclass(frozen=True, slots=True)
class Respelled:
    """An entry that names nothing, and the text that it is in another spelling."""

    entry: str
    meant: str

    def hint(self, node_type: str) -> str:
        """What to tell the person who wrote it.

        >>> Respelled(" p3", "p3").hint("Product")
        "did you mean 'p3'?"
        """
        if node_type in PRIVATE_TYPES:
            return "look at its spaces, case and digits: spelled otherwise there is one"
        return f"did you mean '{self.meant}'?"


def plain_spelling(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts without what a person may not see: spaces around them, case, forms of a character.

    Ids and names are compared exactly; this only tells which ones look the same.

    >>> plain_spelling(pa.chunked_array([[" P3", "p3", "0017", "17.0"]])).to_pylist()
    ['p3', 'p3', '17', '17']
    """
    texts = pc.utf8_normalize(texts, "NFKC")
    texts = pc.utf8_lower(pc.replace_substring_regex(texts, _INVISIBLE, ""))
    texts = pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), _FLOAT, r"\1")
    return pc.replace_substring_regex(texts, _PADDED, r"\1")


def first_respelled(
    entries: Sequence[str], known: pa.ChunkedArray, plain: pa.ChunkedArray
) -> Respelled | None:
    """The first of the known texts that is one of the entries in another spelling.

    Args:
        entries: None of them is known as it stands.
        plain: `plain_spelling` of the known ones.
    """
    asked = plain_spelling(pa.chunked_array([entries], pa.string())).to_pylist()
    alike = pc.is_in(plain, pa.array(asked, pa.string()), skip_nulls=True).to_numpy()
    for row in np.flatnonzero(alike)[:1].tolist():
        return Respelled(entries[asked.index(plain[row].as_py())], known[row].as_py())
    return None
