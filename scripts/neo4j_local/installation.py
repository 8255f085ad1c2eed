"""What Neo4j is made of on this machine: Java, and the jars that Maven fetches."""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from neo4j_local.home import DEFAULT_HOME, SOURCES, CannotError, locked, say

INSTALL = "install both: apt-get install openjdk-17-jdk-headless maven (Debian, Ubuntu)"
INSTALLED_JAVA = Path("/usr/lib/jvm")


@dataclass(frozen=True)
class Release:
    """A line of Neo4j: the version that Maven fetches, and the Java versions it supports."""

    name: str
    version: str
    java: tuple[int, ...]


RELEASES = {
    one.name: one
    for one in (Release("5", "5.26.30", (17, 21)), Release("2026", "2026.08.1", (21, 25)))
}
DEFAULT_RELEASE = "5"
ADD_OPENS = ("java.base/java.nio", "java.base/java.lang", "java.base/sun.nio.ch")


def java_and_jars(arguments: argparse.Namespace) -> tuple[str, Path]:
    """The java command and the folder of jars for the release that the arguments name."""
    release = RELEASES[arguments.release]
    java = find_java(release)
    return java, fetch_jars(Path(arguments.lib or default_lib(release)).resolve(), release)


def java_options(lib: Path) -> list[str]:
    """What Neo4j's classes need of Java, whichever of them is run."""
    opens = [f"--add-opens={package}=ALL-UNNAMED" for package in ADD_OPENS]
    return [*opens, "-cp", f"{lib}/*"]


def find_java(release: Release) -> str:
    """The java command of a JDK that the release supports.

    It is that of JAVA_HOME or PATH; for releases that Debian's Java is too old for, another one in
    /usr/lib/jvm will do.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if release.name != DEFAULT_RELEASE and (not java or version_of(java) not in release.java):
        others = sorted(map(str, INSTALLED_JAVA.glob("*/bin/java")))
        java = next((one for one in others if version_of(one) in release.java), java)
    if not java:
        raise CannotError(f"Neo4j needs Java 17 and Maven; {INSTALL}")
    found = version_of(java)
    if found not in release.java:
        raise CannotError(
            f"{java} is Java {found or 'of unknown version'}, Neo4j {release.name} needs"
            f" {' or '.join(map(str, release.java))}; set JAVA_HOME, or {INSTALL}"
        )
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True)
    if "jdk.compiler" not in modules.stdout:
        raise CannotError(f"{java} is a bare runtime, Neo4j here needs a JDK; {INSTALL}")
    return java


def version_of(java: str) -> int | None:
    """The number of a Java version, such as 17; None if it does not say one."""
    said = subprocess.run([java, "--version"], capture_output=True, text=True)
    found = re.search(r"\b(\d+)[.\d]*", said.stdout)
    return int(found[1]) if found else None


def default_lib(release: Release) -> Path:
    """Where the jars of a release are kept."""
    return DEFAULT_HOME / ("lib" if release.name == DEFAULT_RELEASE else f"lib-{release.name}")


def fetch_jars(lib: Path, release: Release) -> Path:
    """Neo4j's jars as pom.xml lists them, fetched by Maven the first time."""
    pom = SOURCES / "pom.xml"
    version = f"-Dneo4j.version={release.version}"
    wanted = hashlib.sha256(pom.read_bytes() + version.encode()).hexdigest()
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
        words = [maven, "-q", "-B", "-f", str(pom), version, *goal]
        done = subprocess.run(words, stdout=sys.stderr)
        if done.returncode:
            raise CannotError("Maven could not fetch Neo4j; its messages are above")
        (partial / stamp.name).write_text(wanted)
        shutil.rmtree(lib, ignore_errors=True)
        partial.rename(lib)
    return lib
