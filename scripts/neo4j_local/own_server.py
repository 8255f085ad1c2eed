"""A server of a benchmark's own: empty, on free ports, gone afterwards with all it held."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphdb.stores.neo4j import Neo4jSettings
from neo4j_local.installation import DEFAULT_RELEASE

COMMAND = [sys.executable, str(Path(__file__).parents[1] / "neo4j")]


@contextmanager
def own_server(heap: str, release: str = DEFAULT_RELEASE) -> Iterator[Neo4jSettings]:
    """Starts it, whatever NEO4J_URI and its like say, and stops it in the end.

    Args:
        heap: Of the server's Java, such as '1g'.
        release: '5' or '2026'.
    """
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("NEO4J_")}

    def call(verb: str, *options: str) -> str:
        done = subprocess.run(
            [*COMMAND, verb, "--home", home, *options],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    with tempfile.TemporaryDirectory(prefix="bench-neo4j-") as home:
        said = call("start", "--free-ports", "--heap", heap, "--release", release)
        try:
            uri = said.split("NEO4J_URI=")[1].split()[0]
            yield Neo4jSettings(uri, "neo4j", (Path(home) / "password").read_text().strip())
        finally:
            call("stop")
