"""docs/formats.md: its code, which knows nothing of graphrec, writes and reads what we do."""

import json
import re
import subprocess
import sys

import pytest
from pages.markdown import lines_of, read, run_line, texts

from graphdb import open_snapshot
from graphrec import Recommender

PAGE = "docs/formats.md"
WRITES, READS = texts(PAGE, "python")


def test_its_code_stands_alone():
    for code in (WRITES, READS):
        imported = re.findall(r"^(?:from|import) ([\w.]+)", code, re.MULTILINE)
        assert {name.split(".")[0] for name in imported} <= {
            "datetime", "hashlib", "json", "pathlib", "numpy", "pyarrow",
        }  # fmt: skip


WHOLE = json.loads(read("docs/schema.json"))
SMALL = {
    "node_types": [of for of in WHOLE["node_types"] if of["name"] in ("User", "Product", "Brand")],
    "relations": [of for of in WHOLE["relations"] if of["name"] in ("PURCHASED", "MADE_BY")],
}


@pytest.mark.slow
@pytest.mark.parametrize("schema", [WHOLE, SMALL], ids=["whole", "small"])
def test_training_takes_the_snapshot(schema, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    subprocess.run([sys.executable, "-I", "-c", WRITES], check=True)
    snapshot = open_snapshot("from-warehouse")
    assert snapshot.num_nodes("Product") == 24
    (command,) = texts(PAGE, "sh")
    (line,) = lines_of(command)
    assert "svd" in run_line(line)
    recommender = Recommender.open("bundle-of-it")
    assert len(recommender.products_for_user("u00", k=3)) == 3


@pytest.mark.slow
@pytest.mark.xdist_group("demo")
def test_its_answers_are_ours(town, monkeypatch):
    folder, _ = town
    monkeypatch.chdir(folder)
    said = subprocess.run(
        [sys.executable, "-I", "-c", READS], check=True, capture_output=True, text=True
    ).stdout
    best = Recommender.open("bundle").products_for_user("u0012", k=10)
    assert said == f"{list(best.ids)}\n"
    assert said in read(PAGE)
