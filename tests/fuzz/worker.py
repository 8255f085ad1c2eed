"""Runs the cases of one target in a process of its own, which a bad case may kill.

    python -m fuzz.worker WORLD TARGET FIRST LAST SECONDS

For each case one line of JSON before it begins, and one for every finding: an exception that is
none of ours, an exit code that says nothing, or a change outside of what the command may write.
"""

import contextlib
import io
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from fuzz.targets import TARGETS, Case

from graphdb.errors import GraphRecError
from graphrec.cli.app import build_app

MEMORY_BYTES = 12 * 2**30
Contents = dict[str, str]


def run_cases(world: Path, target: str, first: int, last: int, seconds: float) -> None:
    """The cases from first to last, or as many as there is time for."""
    deadline = time.monotonic() + seconds
    for number in range(first, last):
        if time.monotonic() > deadline:
            tell(stopped=number)
            return
        tell(begun=number)
        with tempfile.TemporaryDirectory(prefix="fuzz-") as root:
            sandbox = Path(root) / "inner" / "sandbox"
            shutil.copytree(world, sandbox)
            case = TARGETS[target](random.Random(f"{target} {number}"), sandbox)
            for call in case.calls:
                for finding in run_call(call, case, sandbox, Path(root)):
                    tell(number=number, spoilt=case.spoilt[:300], call=list(call), finding=finding)
    tell(stopped=last)


def run_call(call: Sequence[str], case: Case, sandbox: Path, root: Path) -> Iterator[str]:
    before = contents(root)
    finding = outcome(call, sandbox)
    if finding:
        yield finding
    after = contents(root)
    allowed = [f"inner/sandbox/{name}" for name in case.may_change]
    for path in before.keys() | after.keys():
        inside = any(path == name or path.startswith((f"{name}/", f"{name}.")) for name in allowed)
        if before.get(path) != after.get(path) and not inside:
            yield f"changed {path}"


def outcome(call: Sequence[str], sandbox: Path) -> str | None:
    """Runs a command line in this process; what is wrong with how it ended."""
    said, complained = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(sandbox),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(complained),
    ):
        try:
            build_app()(list(call), standalone_mode=True)
        except SystemExit as ended:
            return _wrong_exit(ended.code, complained.getvalue())
        except GraphRecError:
            return "an error of ours went past the command line"
        except BaseException:  # whatever it is, it is the finding
            return traceback.format_exc(limit=-6)
    return None


def _wrong_exit(code: object, complaint: str) -> str | None:
    if code in (0, None):
        return None
    if "Traceback" in complaint:
        return complaint
    if not isinstance(code, int) or not complaint.strip():
        return f"it ended with {code!r} and said nothing"
    return None


def contents(root: Path) -> Contents:
    """Every file and link below, with what it holds."""
    found = {}
    for folder, _, files in os.walk(root):
        found[os.path.relpath(folder, root)] = "folder"
        for name in files:
            path = Path(folder) / name
            text = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
            found[os.path.relpath(path, root)] = sha256(text).hexdigest()
    return found


def tell(**words: object) -> None:
    sys.__stdout__.write(json.dumps(words) + "\n")
    sys.__stdout__.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    run_cases(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:5]), float(sys.argv[5]))
