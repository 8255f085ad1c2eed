"""Runs a benchmark: python scripts/bench.py NAME ...

Each asks one question, prints tables and asserts nothing; `NAME --help` shows what it takes. With
`--out docs/benchmarks/NAME.json` and `python scripts/generate_docs.py`, figures go into
docs/benchmarks.md.
"""

import ast
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

QUESTIONS = Path(__file__).parent / "benchmarks"


def questions() -> dict[str, str]:
    """What every benchmark asks, by its name; read, not imported, so that it takes no time."""
    found = {}
    for path in sorted(QUESTIONS.glob("[!_]*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        first = (docstring or "").partition("\n\n")[0]
        found[path.stem.replace("_", "-")] = " ".join(first.split())
    return found


def module_of(name: str) -> Any:
    return import_module(f"benchmarks.{name.replace('-', '_')}")


def main() -> None:
    known = questions()
    match sys.argv[1:]:
        case [] | ["-h" | "--help"]:
            lines = [__doc__, *(f"  {name:11} {one}" for name, one in known.items())]
            sys.stdout.write("\n".join(lines) + "\n")
        case [name, *words] if name in known:
            from benchmarks.harness.bench import run

            run(name, module_of(name), words)
        case [name, *_]:
            sys.exit(f"there is no benchmark {name!r}, only {', '.join(known)}")


if __name__ == "__main__":
    main()
