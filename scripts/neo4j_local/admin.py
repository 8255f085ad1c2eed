"""neo4j-admin for the data of a stopped server."""

import argparse
import os
import shlex

from neo4j_local.conf import DEFAULT_PORTS, write_conf
from neo4j_local.home import CannotError, Home, command, locked
from neo4j_local.installation import java_and_jars, java_options


def admin(home: Home, arguments: argparse.Namespace) -> None:
    """Becomes neo4j-admin. It keeps the home's lock to its end, so that no server starts meanwhile.

    HEAP_SIZE and JAVA_OPTS mean what they mean to Neo4j's own neo4j-admin.
    """
    home.folder.mkdir(parents=True, exist_ok=True)
    with locked(home.folder / "lock") as lock:
        if home.state():
            raise CannotError(f"the server is running; first `{command('stop', home)}`")
        java, lib = java_and_jars(arguments)
        if not home.conf.exists():
            write_conf(home, *DEFAULT_PORTS, "256m", [])
        os.set_inheritable(lock, True)
        words = [*memory_options(), *java_options(lib), "org.neo4j.cli.AdminTool"]
        environment = {
            **{key: os.environ[key] for key in os.environ if not key.startswith("NEO4J_")},
            "NEO4J_HOME": str(home.folder),
            "NEO4J_CONF": str(home.conf.parent),
        }
        os.execve(java, [java, *words, *arguments.words], environment)


def memory_options() -> list[str]:
    if os.environ.get("JAVA_OPTS"):
        return shlex.split(os.environ["JAVA_OPTS"])
    return [f"-Xmx{os.environ['HEAP_SIZE']}"] if os.environ.get("HEAP_SIZE") else []
