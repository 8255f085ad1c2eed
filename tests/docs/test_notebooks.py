"""The notebooks of the documentation do what their stored outputs say."""

import json

import pytest
from pages.markdown import ROOT, check_links
from pages.notebooks import run_cell, run_notebook

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_true(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    run_notebook(path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_well_formed(path):
    """What nbformat 4.5 asks for, and links that lead somewhere."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids)) and all(0 < len(one) <= 64 for one in ids)
    for cell in notebook["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert cell.keys() == {"cell_type", "id", "metadata", "source"} | code
    check_links(path)


def test_a_cell_shows_what_it_prints_and_its_last_value():
    class Page:
        def __repr__(self):
            return "<page>"

        def _repr_html_(self):
            return "<b>page</b>"

    names = {"Page": Page}
    assert run_cell("print(1)\nprint(2)\nx = 3", names, 1) == [
        {"name": "stdout", "output_type": "stream", "text": ["1\n", "2\n"]}
    ]
    (shown,) = run_cell("Page()", names, 7)
    assert shown["data"] == {"text/html": ["<b>page</b>"], "text/plain": ["<page>"]}
    assert shown["execution_count"] == 7
    assert run_cell("x if x > 3 else None", names, 2) == run_cell("", names, 3) == []


def test_a_changed_output_is_noticed(tmp_path, monkeypatch):
    monkeypatch.delenv("GRAPHREC_WRITE_OUTPUTS", raising=False)
    source = json.loads(NOTEBOOKS[0].read_text(encoding="utf-8"))
    code = {"cell_type": "code", "id": "a", "metadata": {}, "source": ["1 + 1"]}
    for stored, is_true in (("2", True), ("3", False)):
        data = {"data": {"text/plain": [stored]}, "output_type": "execute_result"}
        cell = {**code, "execution_count": 1, "outputs": [data]}
        path = tmp_path / "changed.ipynb"
        path.write_text(json.dumps({**source, "cells": [cell]}))
        if is_true:
            run_notebook(path)
        else:
            with pytest.raises(AssertionError, match="says\n3\nbut this came out:\n2"):
                run_notebook(path)
