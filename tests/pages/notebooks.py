"""Runs a notebook as Jupyter does, cell by cell, and compares its stored outputs with the new ones.

Only what the notebooks here need: printed text, and the last value of a cell as text and HTML.
With GRAPHREC_WRITE_OUTPUTS=1 the outputs are written into the notebook instead.
"""

import ast
import json
import os
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from pages.outputs import same

Output = dict[str, Any]


def run_notebook(path: Path) -> None:
    """Runs the code cells in the current folder, top to bottom; they share their names."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    names: dict[str, object] = {"__name__": "__main__"}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for count, cell in enumerate(cells, start=1):
        outputs = run_cell("".join(cell["source"]), names, count)
        if os.environ.get("GRAPHREC_WRITE_OUTPUTS"):
            cell.update(outputs=outputs, execution_count=count)
            continue
        assert cell["execution_count"] == count, f"cell {count} of {path.name} was not run in order"
        shown, said = _texts(outputs), _texts(cell["outputs"])
        assert list(shown) == list(said), f"cell {count} of {path.name}"
        for kind, text in shown.items():
            assert same(text, said[kind]), (
                f"cell {count} of {path.name} says\n{said[kind]}\nbut this came out:\n{text}"
            )
    if os.environ.get("GRAPHREC_WRITE_OUTPUTS"):
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8")


def run_cell(source: str, names: dict[str, object], count: int) -> list[Output]:
    """The outputs of a cell: what it prints, then its last value."""
    parsed = ast.parse(source)
    last = parsed.body.pop() if parsed.body and isinstance(parsed.body[-1], ast.Expr) else None
    printed, value = StringIO(), None
    with redirect_stdout(printed):
        exec(compile(parsed, "cell", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    outputs: list[Output] = []
    if printed.getvalue():
        outputs.append(
            {"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}
        )
    if value is not None:
        data = {"text/plain": _lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            data = {"text/html": _lines(value._repr_html_()), **data}
        result = {"data": data, "execution_count": count, "metadata": {}}
        outputs.append({**result, "output_type": "execute_result"})
    return outputs


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _texts(outputs: list[Output]) -> dict[str, str]:
    """The text of each kind of output, in order."""
    found: dict[str, str] = {}
    for output in outputs:
        for kind, lines in {"stdout": output.get("text"), **output.get("data", {})}.items():
            if lines is not None:
                found[kind] = found.get(kind, "") + "".join(lines)
    return found
