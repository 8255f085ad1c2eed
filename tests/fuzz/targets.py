"""What is spoilt, and what is then done with it.

A target takes a random generator and a sandbox: a folder with a copy of the sound world in it. It
returns what was done to make the case readable, and the calls that have to end well.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.resigned import sign_again
from fuzz.mutations import (
    HOSTILE_TEXTS,
    spoil_bytes,
    spoil_json,
    spoil_npy,
    spoil_parquet,
    spoil_toml,
)

POLICY = """\
version = "1"

[[block]]
type = "Product"
ids = ["p0003"]
reason = "RECALLED"
allow_unknown = true

[[block]]
type = "Product"
where = { price = { min = 1, max = 5 } }
reason = "CHEAP"
until = 2100-01-01T00:00:00Z
scope = ["User"]

[[own_block]]
user = "u0002"
type = "Brand"
ids = ["b0002"]
"""
TRAINING = """\
query node = 3

[weights]
half_life_days = 90

[svd]
dim = 8
"""
USER, PRODUCT, BRAND = "User:u0000", "Product:p0000", "Brand:b0000"


@dataclass
class Case:
    """What was spoilt, the command lines to run on it, and the only places that they may change."""

    spoilt: str
    calls: Sequence[Sequence[str]]
    may_change: tuple[str, ...] = ()


Target = Callable[[random.Random, Path], Case]

READS = (
    ("recommend", "bundle", USER, "-k", "3"),
    ("recommend", "bundle", BRAND, "--target", "creators"),
    ("similar", "bundle", PRODUCT),
    ("lookalike", "bundle", BRAND, "-k", "3"),
    ("info", "bundle"),
)


def bundle_manifest(rng: random.Random, sandbox: Path) -> Case:
    path = sandbox / "bundle" / "manifest.json"
    path.write_text(spoil_json(path.read_text(), rng))
    return _bundle_case("manifest.json", rng)


def bundle_file(rng: random.Random, sandbox: Path) -> Case:
    """A file that its hash fits, so that only what it holds can give it away; or one that not."""
    path = rng.choice(sorted(_files(sandbox / "bundle", (".parquet", ".npy"))))
    if rng.random() < 0.2:
        path.write_bytes(spoil_bytes(path.read_bytes(), rng))
    else:
        (spoil_npy if path.suffix == ".npy" else spoil_parquet)(path, rng)
    name = str(path.relative_to(sandbox / "bundle"))
    if rng.random() < 0.9:
        sign_again(sandbox / "bundle")
    return _bundle_case(name, rng)


def _bundle_case(name: str, rng: random.Random) -> Case:
    calls = [rng.choice(READS), ("promote", "registry", "bundle"), READS[-1]]
    return Case(name, calls, ("registry",))


def snapshot_manifest(rng: random.Random, sandbox: Path) -> Case:
    path = sandbox / "snapshot" / "manifest.json"
    path.write_text(spoil_json(path.read_text(), rng))
    return _snapshot_case("manifest.json")


def snapshot_file(rng: random.Random, sandbox: Path) -> Case:
    path = rng.choice(sorted(_files(sandbox / "snapshot", (".parquet",))))
    name = str(path.relative_to(sandbox / "snapshot"))
    if rng.random() < 0.2:
        path.write_bytes(spoil_bytes(path.read_bytes(), rng))
    else:
        spoil_parquet(path, rng)
        sign_again(sandbox / "snapshot")
    return _snapshot_case(name)


def _snapshot_case(name: str) -> Case:
    calls = [
        ("info", "snapshot"),
        ("ingest", "snapshot", "new.duckdb"),
        ("train", "snapshot", "out", "--config", "training.toml", "--no-holdout"),
    ]
    return Case(name, calls, ("out", "new.duckdb"))


def training_config(rng: random.Random, sandbox: Path) -> Case:
    path = sandbox / "training.toml"
    path.write_text(spoil_toml(TRAINING, rng))
    train = ("train", "snapshot", "out", "--config", "training.toml", "--no-holdout")
    return Case(path.read_text(), [train], ("out",))


def registry(rng: random.Random, sandbox: Path) -> Case:
    path = rng.choice([sandbox / "registry" / name for name in ("current.json", "history.jsonl")])
    text = path.read_text()
    if rng.random() < 0.5:
        lines = text.splitlines() if path.suffix == ".jsonl" else [text]
        place = rng.randrange(len(lines))
        lines[place] = spoil_json(lines[place], rng)
        path.write_text("\n".join(lines) + "\n")
    else:
        path.write_bytes(spoil_bytes(text.encode(), rng))
    calls = [
        ("info", "registry@current"),
        ("releases", "registry"),
        ("releases", "registry", "--history"),
        ("recommend", "registry@current", USER),
        ("rollback", "registry"),
        ("promote", "registry", "bundle"),
    ]
    return Case(path.name, calls, ("registry",))


def tables(rng: random.Random, sandbox: Path) -> Case:
    """A shop's tables and their mapping."""
    path = rng.choice(sorted(_files(sandbox / "shop", (".csv", ".toml"))))
    if path.suffix == ".toml" and rng.random() < 0.9:
        path.write_text(spoil_toml(path.read_text(), rng))
    elif rng.random() < 0.5:
        path.write_bytes(spoil_bytes(path.read_bytes(), rng))
    else:
        path.write_text(_spoil_csv(path.read_text(), rng))
    calls = [("ingest", "shop", "new.duckdb"), ("rejects", "new.duckdb"), ("info", "new.duckdb")]
    return Case(path.name, calls, ("new.duckdb",))


def schema_file(rng: random.Random, sandbox: Path) -> Case:
    path = sandbox / "schema.toml"
    path.write_text(spoil_toml(path.read_text(), rng))
    calls = [("ingest", "shop", "new.duckdb", "--schema", "schema.toml")]
    return Case(path.read_text(), calls, ("new.duckdb",))


def policy(rng: random.Random, sandbox: Path) -> Case:
    path = sandbox / "policy.toml"
    path.write_text(spoil_toml(POLICY, rng))
    calls = [
        ("recommend", "bundle", USER, "--policy", "policy.toml"),
        ("excluded", "bundle", PRODUCT, "--policy", "policy.toml"),
    ]
    return Case(path.read_text(), calls)


FILTERS = (
    "ids",
    "categories",
    "brands",
    "tags",
    "price_min",
    "price_max",
    "status",
    "in_stock",
    "listed_since",
    "properties",
    "exclude",
    "price",
    "stock",
    "title",
)
QUERIES = (
    USER,
    PRODUCT,
    BRAND,
    "Creator:c0000",
    "Category:c0",
    "User:nobody",
    "Nothing:x",
    "User:",
)


COMMANDS = (
    "recommend",
    "similar",
    "batch",
    "excluded",
    "explain",
    "lookalike",
    "portfolio",
    "info",
    "releases",
    "compare",
    "promote",
    "rollback",
    "rejects",
    "snapshot",
    "report",
    "index",
    "ingest",
)
OPTIONS = (
    "-k",
    "--json",
    "--target",
    "--filter",
    "--price-max",
    "--category",
    "--include-seen",
    "--min-score",
    "--curve",
    "--policy",
    "--queries",
    "--share",
    "--name",
    "--to",
    "--history",
    "--output",
    "--kind",
)


def filters(rng: random.Random, sandbox: Path) -> Case:  # noqa: ARG001 - as all targets
    words = ["recommend", "bundle", rng.choice(QUERIES[:3]), "-k", "3"]
    for _ in range(rng.randint(1, 3)):
        value = rng.choice((*HOSTILE_TEXTS, "p0001", "5", "1..5", "yes", "2026-01-01", "> 3"))
        words += ["--filter", f"{rng.choice(FILTERS)}={value}"]
    return Case(" ".join(words), [words])


def command_line(rng: random.Random, sandbox: Path) -> Case:  # noqa: ARG001
    """Some command with arguments that fit, or do not."""
    places = ("bundle", "snapshot", "registry", "registry@current", "registry@../x", "shop.duckdb")
    words = [rng.choice(COMMANDS)]
    places = (*places, *QUERIES, "new.parquet", rng.choice(HOSTILE_TEXTS))
    words += rng.choices(places, k=rng.randint(0, 3))
    for _ in range(rng.randint(0, 3)):
        words.append(rng.choice(OPTIONS))
        if rng.random() < 0.7:
            words.append(rng.choice((*HOSTILE_TEXTS, "3", "users", "policy.toml", "nan", "1e9")))
    # "/nonexistent/escaped" and the like must not be made; what a user names inside may be.
    written = ("bundle", "registry", "snapshot", *words)
    return Case(" ".join(words), [words], tuple(word for word in written if word))


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        bundle_manifest,
        bundle_file,
        snapshot_manifest,
        snapshot_file,
        training_config,
        registry,
        tables,
        schema_file,
        policy,
        filters,
        command_line,
    )
}


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in suffixes]


def _spoil_csv(text: str, rng: random.Random) -> str:
    lines = text.splitlines()
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(lines))
        cells = lines[place].split(",")
        cells[rng.randrange(len(cells))] = rng.choice((*HOSTILE_TEXTS, '"', '"a\nb"', "a,b", "\t"))
        lines[place] = ",".join(cells)
    return "\n".join(lines) + "\n"
