"""What Neo4j is made of on this machine: Java, and the jars that Maven fetches."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from neo4j_local.home import SOURCES, CannotError, locked, say

INSTALL = "install both: apt-get install openjdk-17-jdk-headless maven (Debian, Ubuntu)"
SUPPORTED_JAVA = (17, 21)
ADD_OPENS = ("java.base/java.nio", "java.base/java.lang", "java.base/sun.nio.ch")


def java_options(lib: Path) -> list[str]:
    """What Neo4j's classes need of Java, whichever of them is run."""
    opens = [f"--add-opens={package}=ALL-UNNAMED" for package in ADD_OPENS]
    return [*opens, "-cp", f"{lib}/*"]


def find_java() -> str:
    """The java command of a JDK that Neo4j 5 LTS supports."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if not java:
        raise CannotError(f"Neo4j needs Java 17 and Maven; {INSTALL}")
    said = subprocess.run([java, "--version"], capture_output=True, text=True)
    found = re.search(r"\b(\d+)[.\d]*", said.stdout)
    if not found or int(found[1]) not in SUPPORTED_JAVA:
        raise CannotError(
            f"{java} is Java {found[1] if found else 'of unknown version'}, Neo4j 5 needs 17 or 21;"
            f" set JAVA_HOME, or {INSTALL}"
        )
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True)
    if "jdk.compiler" not in modules.stdout:
        raise CannotError(f"{java} is a bare runtime, Neo4j here needs a JDK; {INSTALL}")
    return java


def fetch_jars(lib: Path) -> Path:
    """Neo4j's jars as pom.xml lists them, fetched by Maven the first time."""
    pom = SOURCES / "pom.xml"
    wanted = hashlib.sha256(pom.read_bytes()).hexdigest()
    lib.parent.mkdir(parents=True, exist_ok=True)
    with locked(lib.with_name(lib.name + ".lock")):
        stamp = lib / "pom.sha256"
        if stamp.exists() and stamp.read_text() == wanted:
            return lib
        maven = shutil.which("mvn")
        if not maven:
            raise CannotError(f"Neo4j is fetched with Maven, which is not there; {INSTALL}")
        say("fetching Neo4j with Maven (about 140 MB, once)")
        partial = lib.with_name(lib.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
        done = subprocess.run([maven, "-q", "-B", "-f", str(pom), *goal], stdout=sys.stderr)
        if done.returncode:
            raise CannotError("Maven could not fetch Neo4j; its messages are above")
        (partial / stamp.name).write_text(wanted)
        shutil.rmtree(lib, ignore_errors=True)
        partial.rename(lib)
    return lib
