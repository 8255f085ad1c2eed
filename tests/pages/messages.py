"""What a command said on stderr, read at any width of the terminal.

The box around an error of usage folds lines where the terminal ends, in the middle of a long path
too, so blanks and the lines of the box do not count.
"""

import re

_FOLDING = re.compile(r"[\s╭╮╰╯│─]+")


def says(stderr: str, message: str) -> bool:
    """Whether a message stands in what was said.

    >>> says("│ 'a/long/fol │\\n│ der' is a folder  │", "'a/long/folder' is a folder")
    True
    >>> says("│ 'a.txt' is a folder │", "is no folder")
    False
    """
    return _FOLDING.sub("", message) in _FOLDING.sub("", stderr)
