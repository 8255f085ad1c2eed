"""What bulk load refuses, what a killed one leaves, and that running it again completes it."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from contracts.store import fill, users
from pages.markdown import lines_of, run_line, texts
from pages.messages import says
from typer.testing import CliRunner

from graphdb import open_store, write_snapshot
from graphdb.errors import FileAccessError, StoreError
from graphdb.ingestion import ingest
from graphdb.schema import SCHEMA
from graphdb.sources import open_source
from graphdb.stores.duckdb_store import DuckDBStore
from graphdb.stores.neo4j import Neo4jStore
from graphdb.stores.neo4j.bulk import AdminTool, bulk_import, write_import_files
from graphrec.cli import build_app

NOWHERE = "neo4j://127.0.0.1:1"  # nobody listens there
PAGE = "docs/bulk-load.md"
LOADING = [
    "scripts/neo4j stop",
    'export NEO4J_ADMIN="scripts/neo4j admin"',
    "graphrec ingest synthetic:5000000 neo4j://127.0.0.1:7687 --bulk",
    'eval "$(scripts/neo4j start)"',
    'graphrec info "$NEO4J_URI"',
]
"""What the page begins with, done in the test of a killed load: other tables, another port."""
SCRIPT = Path(__file__).parents[3] / "scripts" / "neo4j"


@pytest.fixture
def small():
    with DuckDBStore(":memory:") as store:
        fill(store)
        yield store


@pytest.fixture
def tool(tmp_path):
    """Makes a neo4j-admin that says and does what a test wants."""

    def make(script: str) -> AdminTool:
        path = tmp_path / "neo4j-admin"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return AdminTool((str(path),))

    return make


@pytest.fixture
def run():
    def invoke(*arguments: object):
        return CliRunner().invoke(build_app(), [str(argument) for argument in arguments])

    return invoke


ABSENT = 'if [ "$2" = info ]; then echo "Database does not exist: neo4j"; exit 1; fi\n'


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'Unable to find any JVMs'; exit 1", "cannot say whether.*Unable to find any JVMs"),
        ("echo 'the database is in use'; exit 1", r"is running; .*stop it \(`scripts/neo4j stop`"),
        ("exit 0", "has a database 'neo4j' already; .*add --overwrite"),
        (ABSENT + "echo Out of disk; exit 70", "could not load .*Out of disk; .*with --overwrite"),
        (ABSENT + "echo Database already exist; exit 70", "has a database 'neo4j' already"),
        (ABSENT + "echo IMPORT DONE", r"says that it imported \{\}.*expected \{'nodes'"),
        (
            ABSENT + "printf '  5 nodes\\n  3 relationships\\n'",
            r"imported \{'nodes': 5, .*do not use that database",
        ),
    ],
)
def test_each_refusal_of_the_tool_is_told(small, tool, script, message):
    with pytest.raises(StoreError, match=message) as caught:
        bulk_import(small, tool(script))
    assert not caught.value.retryable


def test_progress_bars_of_the_tool_are_no_last_words(small, tool):
    lines = "echo 'No space left'; echo '.......... 15%'; echo \"Run with '--verbose'\"; exit 70"
    with pytest.raises(StoreError, match=r"it said: No space left; correct it"):
        bulk_import(small, tool(ABSENT + lines))


def test_the_tool_never_sees_who_we_are_on_the_server(small, tool, tmp_path, monkeypatch):
    monkeypatch.setenv("NEO4J_PASSWORD", "hunter2-hunter2")
    monkeypatch.setenv("NEO4J_CONF", "/kept")
    with pytest.raises(StoreError):
        bulk_import(small, tool(ABSENT + f"env > {tmp_path}/seen; exit 1"))
    seen = (tmp_path / "seen").read_text()
    assert "hunter2" not in seen
    assert "NEO4J_CONF=/kept" in seen


def test_neo4j_admin_is_looked_for_in_three_places(tmp_path):
    for place in ("home/bin", "path", "own"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "neo4j-admin").touch(0o755)
    known = {"PATH": f"{tmp_path}/path"}
    assert AdminTool.find(known).command == (f"{tmp_path}/path/neo4j-admin",)
    known["NEO4J_HOME"] = f"{tmp_path}/home"
    assert AdminTool.find(known).command == (f"{tmp_path}/home/bin/neo4j-admin",)
    known["NEO4J_ADMIN"] = f"{tmp_path}/own/neo4j-admin admin --home '{tmp_path}/my data'"
    own = (f"{tmp_path}/own/neo4j-admin", "admin", "--home", f"{tmp_path}/my data")
    assert AdminTool.find(known).command == own
    with pytest.raises(StoreError, match=r"was not found; expected it in NEO4J_ADMIN.*bulk-files"):
        AdminTool.find({"PATH": "", "NEO4J_ADMIN": "/no/such/neo4j-admin"})
    with pytest.raises(StoreError, match="NEO4J_ADMIN is not a command line: No closing quotation"):
        AdminTool.find({"NEO4J_ADMIN": "'neo4j-admin"})


def test_a_file_that_is_no_program_is_named(small, tmp_path):
    program = tmp_path / "neo4j-admin"
    program.write_bytes(b"\x00")
    program.chmod(0o755)
    with pytest.raises(StoreError, match="neo4j-admin' cannot be run: Exec format error"):
        bulk_import(small, AdminTool((str(program),)))


def test_an_interrupted_load_takes_the_tool_with_it(tmp_path, tool):
    words = tool(ABSENT + f"echo $$ > {tmp_path}/pid; exec sleep 600").command
    script = (
        "import signal, sys\n"
        # Where the tests run as a job in the background, an interrupt would be ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from graphdb.stores.duckdb_store import DuckDBStore\n"
        "from graphdb.stores.neo4j.bulk import AdminTool, bulk_import\n"
        "bulk_import(DuckDBStore(':memory:'), AdminTool(tuple(sys.argv[1:])))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, *words], stderr=subprocess.DEVNULL, cwd=tmp_path
    ) as process:
        pid = wait_for_number(tmp_path / "pid")
        process.send_signal(signal.SIGINT)
    assert not Path(f"/proc/{pid}").exists()


def wait_for_number(file: Path) -> int:
    for _ in range(1200):
        if file.exists() and file.read_text().strip():
            return int(file.read_text())
        time.sleep(0.05)
    raise AssertionError(f"{file} never came")


def test_a_folder_that_holds_something_is_refused(small, tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(StoreError, match=r"is not empty; .* choose another name"):
        write_import_files(small, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(FileAccessError, match="part of the path is a file"):
        write_import_files(small, tmp_path / "mine" / "folder")


def test_lines_are_only_looked_for_where_there_are_some(small, tmp_path):
    write_import_files(small, tmp_path / "plain")
    assert "--multiline-fields=false" in (tmp_path / "plain" / "import.args").read_text()
    small.upsert_nodes("User", users("two\nlines"))
    write_import_files(small, tmp_path / "lines")
    assert "--multiline-fields=true" in (tmp_path / "lines" / "import.args").read_text()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["s.duckdb", "--bulk"], 5, "bulk load is for Neo4j, and a file is not"),
        ([NOWHERE, "--overwrite"], 2, "--overwrite needs --bulk"),
        ([NOWHERE, "--bulk", "--bulk-files", "x"], 2, "--bulk-files loads nothing"),
        (["neo4j://eve:hunter2@db", "--bulk"], 5, "holds a user or password"),
        (["neo4j://127.0.0.1:port", "--bulk"], 5, "is not the address of a Neo4j server"),
        ([NOWHERE, "--bulk"], 5, "neo4j-admin, which bulk load runs, was not found"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(run, monkeypatch, arguments, exit_code, message):
    monkeypatch.setenv("NEO4J_ADMIN", "no-such-command")
    result = run("ingest", "synthetic:100", *arguments)
    assert result.exit_code == exit_code
    assert says(result.stderr, message)
    assert "hunter2" not in result.stderr + result.stdout


def test_a_running_server_is_refused_before_any_work(run, settings, monkeypatch):
    monkeypatch.setenv("NEO4J_ADMIN", "no-such-command")
    result = run("ingest", "synthetic:100", settings.uri, "--bulk")
    assert result.exit_code == 5
    assert f"the Neo4j server at {settings.uri} is running" in result.stderr


def test_a_killed_load_is_completed_by_the_next(new_server, run, monkeypatch, tmp_path):
    """On one server: bulk load, refusal, death in the middle, and the load that repairs it."""
    server, shop = new_server(), tmp_path / "shop"
    shop.mkdir()
    (shop / "User.csv").write_text('user_id,city\nann,"Ro\nme"\n,nobody\n')
    monkeypatch.setenv("NEO4J_ADMIN", " ".join(server.admin))
    *_, load, _, info = LOADING
    load = load.replace("synthetic:5000000", str(shop)).replace("neo4j://127.0.0.1:7687", NOWHERE)
    first = run_line(load)
    assert "1 rows rejected (missing_value 1)" in first
    assert "0 edges are the database 'neo4j' now. Start the server" in first

    refused = run("ingest", shop, NOWHERE, "--bulk")
    assert refused.exit_code == 5
    assert "has a database 'neo4j' already" in refused.stderr

    dying = tmp_path / "neo4j-admin"
    dying.write_text(f'#!/bin/sh\necho $$ > {tmp_path}/pid\nexec {" ".join(server.admin)} "$@"\n')
    dying.chmod(0o755)
    killed = killed_in_the_middle(server.home, dying, tmp_path)
    assert "could not load the database 'neo4j'" in killed["what"]
    assert "with --overwrite: the database is incomplete" in killed["next_step"]
    assert run("ingest", shop, NOWHERE, "--bulk").exit_code == 5, "half is not taken for nothing"

    again = json.loads(
        run("ingest", "synthetic:500", NOWHERE, "--bulk", "--overwrite", "--json").stdout
    )
    assert (again["bulk"]["database"], again["bulk"]["num_edges"]) == ("neo4j", 500)
    server.start()
    with open_store("duckdb:") as embedded, Neo4jStore(server.settings, create=False) as store:
        ingest(open_source("synthetic:500", SCHEMA), embedded)
        whole = write_snapshot(embedded, tmp_path / "embedded")
        assert write_snapshot(store, tmp_path / "neo4j").snapshot_id == whole.snapshot_id
        assert store.read_rejects().num_rows == 0
    monkeypatch.setenv("NEO4J_URI", server.settings.uri)
    monkeypatch.setenv("NEO4J_PASSWORD", server.settings.password)
    assert "User-PURCHASED-Product" in run_line(info)


def killed_in_the_middle(home: Path, tool: Path, folder: Path) -> dict[str, str]:
    """Starts a bulk load, kills the tool while it writes edges; what the command line said."""
    words = [sys.executable, "-m", "graphrec", "ingest", "synthetic:100000", NOWHERE]
    with subprocess.Popen(
        [*words, "--bulk", "--overwrite", "--json"],
        env={**os.environ, "NEO4J_ADMIN": str(tool)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until_edges_are_written(process, home / "data" / "databases" / "neo4j")
        os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
        _, said = process.communicate()
    assert process.returncode == 5
    return json.loads(said)


def wait_until_edges_are_written(loading: subprocess.Popen[str], database: Path) -> None:
    """However long a busy machine takes until then; a load that ends without is an error."""
    edges = database / "neostore.relationshipstore.db"
    while loading.poll() is None:
        if (database / "temp").exists() and edges.exists() and edges.stat().st_size > 100_000:
            return
        time.sleep(0.02)
    raise AssertionError(f"the load ended before it could be killed: {loading.communicate()[1]}")


def test_files_for_another_machine_are_imported_there(new_server, tmp_path, monkeypatch):
    """As docs/bulk-load.md says."""
    monkeypatch.chdir(tmp_path)
    _, writing, importing = texts(PAGE, "sh")
    (line,) = lines_of(writing)
    written = run_line(line.replace("tables/", "synthetic:300"))
    command = written.rstrip().rpartition("in that folder: ")[2]
    assert command == "neo4j-admin database import full @import.args neo4j"
    enter, said = lines_of(importing)
    assert (enter, said) == ("cd import-files", command)
    carried = (tmp_path / "import-files").rename(tmp_path / "over there")
    words = [*new_server().admin, *command.split()[1:]]
    done = subprocess.run(words, cwd=carried, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "300 relationships" in done.stdout


def test_the_page_is_true(new_server, tmp_path, monkeypatch):
    """docs/bulk-load.md: how it begins, and its Python on a server of the test's own."""
    assert lines_of(texts(PAGE, "sh")[0]) == LOADING
    server = new_server()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEO4J_ADMIN", " ".join(server.admin))
    run_line("graphrec ingest synthetic:300 shop.duckdb")
    (code,) = texts(PAGE, "python")
    with redirect_stdout(StringIO()) as said:
        exec(compile(code, PAGE, "exec"), {})
    assert "num_edges=300" in said.getvalue()
