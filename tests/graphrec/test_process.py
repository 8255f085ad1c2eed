"""What only a process of its own can show: imports, exit codes, pipes."""

import json
import os
import shutil
import subprocess
import sys

import pytest

import graphdb.errors
import graphrec
from graphrec.query.index import IndexConfig, build_index

HEAVY = (
    "torch",
    "torch_geometric",
    "scipy",
    "pandas",
    "neo4j",
    "sklearn",
    "matplotlib",
    "networkx",
    "faiss",
)


def python(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-W", "error", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def loaded_heavy(code, *arguments):
    """Which heavy modules are loaded after `import graphrec`, and which after the code as well."""
    report = f"import sys; print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    result = python("-c", f"import graphrec\n{report}\n{code}\n{report}", *arguments)
    return [line for line in result.stderr.splitlines() if line.startswith("[")]


def test_help_is_light():
    code = (
        "from graphrec.cli import main\ntry: main()\nexcept SystemExit as end: assert not end.code"
    )
    assert loaded_heavy(code, "--help") == ["[]", "[]"]


def test_the_other_packages_load_nothing_heavy():
    code = "import graphdb, training; training.__all__, dir(training)"
    assert loaded_heavy(code) == ["[]", "[]"]


def test_a_recommendation_is_light(world_path):
    code = "graphrec.Recommender.open(sys.argv[1]).products_for_user('ann')"
    assert loaded_heavy(code, world_path) == ["[]", "[]"]


def test_an_exact_index_is_light(world_path, tmp_path):
    path = shutil.copytree(world_path, tmp_path / "indexed")
    build_index(path, IndexConfig(kind="bounds", min_targets=1))
    code = "graphrec.Recommender.open(sys.argv[1]).products_for_user('ann')"
    assert loaded_heavy(code, path) == ["[]", "[]"]


def test_an_explanation_is_light(world_path):
    code = (
        "graphrec.Recommender.open(sys.argv[1]).explain('User', 'ann', 'Product', 'p2').to_html()"
    )
    assert loaded_heavy(code, world_path) == ["[]", "[]"]


def test_the_check_for_heavy_modules_can_fail():
    assert loaded_heavy("sys.modules['scipy'] = sys") == ["[]", "['scipy']"]


def test_the_command_in_a_process(world_path):
    result = python("-m", "graphrec", "recommend", world_path, "User:ann", "--json")
    assert result.returncode == 0
    answer = json.loads(result.stdout)
    assert [item["id"] for item in answer["recommendations"]] == ["p2", "p4", "p3", "p6"]


def test_an_error_in_a_process_has_no_traceback(world_path):
    result = python("-m", "graphrec", "recommend", world_path, "User:zoe")
    assert (result.returncode, result.stdout) == (8, "")
    assert "Error: no User has the id 'zoe'" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_closed_pipe_ends_quietly(world_path, options):
    read_end, write_end = os.pipe()
    os.close(read_end)  # nobody will ever read
    arguments = ["-m", "graphrec", "info", str(world_path), *options]
    result = subprocess.run(
        [sys.executable, *arguments],
        stdout=write_end,
        stderr=subprocess.PIPE,
        timeout=60,
        text=True,
        check=False,
    )
    os.close(write_end)
    assert result.returncode == 141
    assert "Error" not in result.stderr and "Traceback" not in result.stderr


def test_public_names():
    for name in graphrec.__all__:
        assert hasattr(graphrec, name)
    errors = [name for name in graphrec.__all__ if name.endswith("Error")]
    assert len(errors) == 17
    for name in errors:
        assert getattr(graphrec, name) is getattr(graphdb.errors, name)
