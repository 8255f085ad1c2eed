"""Ways to spoil a file: as bytes, JSON, TOML, a Parquet table or a NumPy array.

Each takes a random generator, so that a case can be made again from its number.
"""

import copy
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HOSTILE_TEXTS = (
    "",
    " ",
    ".",
    "..",
    "../../escaped",
    "../escaped",
    "/nonexistent/escaped",
    "a/../../escaped",
    "C:\\escaped",
    "a\x00b",
    "\x1b[31mred",
    "\u202eabc",
    "\uff11\uff12\uff13",
    "NaN",
    "-1",
    "1e999",
    "99999999999999999999999",
    "x" * 5000,
    "'; DROP TABLE nodes; --",
    "[bold]",
    ":smile:",
    "User-PURCHASED-Product",
    "\ufeffUser",
    "e\u0301",
)
HOSTILE_NUMBERS = (
    -1,
    0,
    1,
    2**31,
    2**63,
    2**64,
    -(2**63) - 1,
    10**30,
    0.5,
    1e308,
    float("nan"),
    float("inf"),
    float("-inf"),
)


def deep(depth: int) -> Any:
    """A list in a list in a list; json can write some hundred of them."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def hostile_value(rng: random.Random) -> Any:
    """Anything that a document should not hold at some place."""
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: rng.choice(HOSTILE_TEXTS),
        lambda: rng.choice(HOSTILE_NUMBERS),
        lambda: rng.choice((None, True, False)),
        lambda: rng.choice(([], {}, [None], [[]], {"": {}}, [1, "a", None])),
        lambda: deep(rng.choice((5, 200))),
    )
    return rng.choice(kinds)()


def spoil_json(text: str, rng: random.Random) -> str:
    """One to three changes inside of a document; now and then of its text."""
    if rng.random() < 0.15:
        return spoil_json_text(text, rng)
    document = json.loads(text)
    for _ in range(rng.randint(1, 3)):
        document = _spoil_somewhere(document, rng)
    return json.dumps(document)


def spoil_json_text(text: str, rng: random.Random) -> str:
    kinds = (
        lambda: "[" * 100_000,
        lambda: '{"a":' * 50_000,
        lambda: text[: rng.randrange(len(text))],
        lambda: text + text,
        lambda: "",
        lambda: "null",
        lambda: text.replace('"', "'", 3),
        lambda: text.replace("{", '{"format": "x", "format": "y",', 1),
        lambda: "\ufeff" + text,
        lambda: text.replace(":", ": Infinity, ", 1),
    )
    return rng.choice(kinds)()


def _spoil_somewhere(document: Any, rng: random.Random) -> Any:
    """Walks down by chance and changes what it finds there."""
    if not isinstance(document, dict | list) or not document or rng.random() < 0.15:
        return hostile_value(rng)
    spoilt = copy.copy(document)
    if isinstance(spoilt, list):
        place = rng.randrange(len(spoilt))
        if rng.random() < 0.2:
            spoilt.insert(place, spoilt[place])
        elif rng.random() < 0.2:
            del spoilt[place]
        else:
            spoilt[place] = _spoil_somewhere(spoilt[place], rng)
        return spoilt
    key = rng.choice(list(spoilt))
    chance = rng.random()
    if chance < 0.15:
        del spoilt[key]
    elif chance < 0.35:
        spoilt[rng.choice(HOSTILE_TEXTS)] = spoilt.pop(key)
    elif chance < 0.45:
        spoilt[rng.choice(HOSTILE_TEXTS)] = spoilt[key]
    else:
        spoilt[key] = _spoil_somewhere(spoilt[key], rng)
    return spoilt


def spoil_toml(text: str, rng: random.Random) -> str:
    """Changes values, keys or lines; the result may or may not be TOML."""
    lines = text.splitlines()
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(lines))
        key, equals, _ = lines[place].partition("=")
        kinds = (
            lambda key=key: f"{key}= {_toml_literal(rng)}",
            lambda key=key: f"{key}= {_toml_literal(rng)}",
            lambda place=place: f"{_toml_literal(rng)} = {lines[place].partition('=')[2]}",
            lambda place=place: lines[place][: rng.randrange(len(lines[place]) + 1)],
            lambda place=place: f"{lines[place]}\n{lines[place]}",
            lambda: "",
            lambda: f"[{_toml_literal(rng)}]",
            lambda: "x = " + "[" * 2000 + "]" * 2000,
        )
        if equals or rng.random() < 0.3:
            lines[place] = rng.choice(kinds)()
    return "\n".join(lines) + "\n"


def _toml_literal(rng: random.Random) -> str:
    text = json.dumps(rng.choice(HOSTILE_TEXTS))
    numbers = ("-1", "0", "1e308", "nan", "inf", "-inf", "9223372036854775807", str(2**70))
    others = ("true", "[]", "{}", '[""]', "[[]]", "{ a = 1 }", "2024-02-30", "1979-05-27T07:32:00Z")
    return rng.choice((text, rng.choice(numbers), rng.choice(others)))


def spoil_bytes(content: bytes, rng: random.Random) -> bytes:
    """Flips, cuts, doubles or fills a part of a file."""
    if not content:
        return b"\xff"
    start = rng.randrange(len(content))
    end = min(len(content), start + rng.choice((1, 4, 64, 4096)))
    part = content[start:end]
    kinds = (
        lambda: content[:start],
        lambda: content[:start] + content[end:],
        lambda: content[:start] + part + content[start:],
        lambda: content[:start] + bytes(len(part)) + content[end:],
        lambda: content[:start] + bytes(byte ^ 0xFF for byte in part) + content[end:],
        lambda: content[:start] + rng.randbytes(len(part)) + content[end:],
        lambda: b"",
        lambda: rng.randbytes(64),
    )
    return rng.choice(kinds)()


def spoil_parquet(path: Path, rng: random.Random) -> None:
    """Writes a table that can be read and means something else."""
    table = pq.read_table(path)
    for _ in range(rng.randint(1, 2)):
        table = _spoil_table(table, rng)
    pq.write_table(table, path)


def _spoil_table(table: pa.Table, rng: random.Random) -> pa.Table:
    if not table.num_columns:
        return table.append_column("x", pa.nulls(table.num_rows))
    place = rng.randrange(table.num_columns)
    name, rows = table.column_names[place], table.num_rows
    kinds = (
        lambda: table.remove_column(place),
        lambda: table.append_column(name, table[place]),
        lambda: table.append_column(rng.choice(HOSTILE_TEXTS), pa.nulls(rows, pa.string())),
        lambda: table.slice(0, rng.randrange(rows + 1)),
        lambda: pa.concat_tables([table, table.slice(0, rng.choice((1, rows)))]),
        lambda: table.take(pa.array(rng.sample(range(rows), rows), pa.int64())),
        lambda: table.set_column(place, name, pa.nulls(rows, table.schema.field(place).type)),
        lambda: table.set_column(place, name, pa.nulls(rows)),
        lambda: table.set_column(place, name, _hostile_column(rows, rng)),
        lambda: table.set_column(place, name, _hostile_column(rows, rng)),
        lambda: table.set_column(place, name, _like(table[place], rng)),
        lambda: table.set_column(place, name, _like(table[place], rng)),
        lambda: table.select([*range(table.num_columns)][::-1]),
    )
    return rng.choice(kinds)()


def _hostile_column(rows: int, rng: random.Random) -> pa.Array:
    """A column of another type."""
    kinds = (
        lambda: pa.array([rng.choice(HOSTILE_TEXTS)] * rows, pa.string()),
        lambda: pa.array([rng.choice((0, -1, 2**63 - 1))] * rows, pa.int64()),
        lambda: pa.array([2**64 - 1] * rows, pa.uint64()),
        lambda: pa.array([rng.choice((float("nan"), float("inf"), -1e308))] * rows, pa.float64()),
        lambda: pa.array(np.ones(rows, np.float16)),
        lambda: pa.array([b"\xff\xfe"] * rows, pa.binary()),
        lambda: pa.array([["a", None]] * rows, pa.list_(pa.string())),
        lambda: pa.array([{"a": 1}] * rows, pa.struct({"a": pa.int64()})),
        lambda: pa.array([True] * rows, pa.bool_()),
        lambda: pa.array([-(2**62)] * rows, pa.timestamp("us", "UTC")),
        lambda: pa.array([2**62] * rows, pa.timestamp("ns")),
        lambda: pa.array(["a"] * rows, pa.string()).dictionary_encode(),
    )
    return rng.choice(kinds)()


def _like(column: pa.ChunkedArray, rng: random.Random) -> pa.Array:
    """A column of the same type with other values."""
    rows, kind = len(column), column.type
    if pa.types.is_string(kind):
        values: list[Any] = column.to_pylist()
        values[rng.randrange(rows) if rows else 0 : 1] = []
        values = [rng.choice(HOSTILE_TEXTS) if rng.random() < 0.2 else v for v in values]
        return pa.array([*values, *[values[0] if values else "x"] * rows][:rows], kind)
    if pa.types.is_integer(kind):
        low, high = np.iinfo(kind.to_pandas_dtype()).min, np.iinfo(kind.to_pandas_dtype()).max
        wide = rng.choice(((low, high), (-2, 2), (0, 10**6)))
        return pa.array(
            [rng.randint(max(low, wide[0]), min(high, wide[1])) for _ in range(rows)], kind
        )
    if pa.types.is_floating(kind):
        return pa.array([float(rng.choice(HOSTILE_NUMBERS)) for _ in range(rows)], kind)
    if pa.types.is_timestamp(kind):
        return pa.array([rng.choice((-(2**62), 0, 2**62)) for _ in range(rows)], pa.int64()).cast(
            kind, safe=False
        )
    return pa.nulls(rows, kind)


def spoil_npy(path: Path, rng: random.Random) -> None:
    """Writes an array that can be read and means something else, or a header that lies."""
    array = np.load(path)
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: array.astype(rng.choice((np.float64, np.float16, np.int32, np.int64, np.bool_))),
        lambda: array[: rng.randrange(len(array) + 1)],
        lambda: np.concatenate([array, array]),
        lambda: array[None],
        lambda: array.reshape(-1),
        lambda: np.asfortranarray(array),
        lambda: array.astype(array.dtype.newbyteorder(">")),
        lambda: _with_one(array, rng.choice((np.nan, np.inf, -np.inf, 3e38, -1))),
        lambda: array * rng.choice((0, -1, 1e30)),
        lambda: array[::-1].copy(),
        lambda: np.zeros((0, 0), array.dtype),
        lambda: np.array(["a"] * max(len(array), 1)),
        lambda: np.array([{"a": 1}] * max(len(array), 1), dtype=object),
    )
    if rng.random() < 0.2:
        path.write_bytes(_lying_header(rng) + path.read_bytes()[128:])
        return
    buffer = io.BytesIO()
    with np.errstate(all="ignore"):
        np.save(buffer, rng.choice(kinds)(), allow_pickle=True)
    path.write_bytes(buffer.getvalue())


def _with_one(array: Any, value: float) -> Any:
    spoilt = array.copy()
    if spoilt.size:
        with np.errstate(all="ignore"):
            spoilt.reshape(-1)[spoilt.size // 2] = np.float64(value).astype(spoilt.dtype)
    return spoilt


def _lying_header(rng: random.Random) -> bytes:
    shape = rng.choice(("(1000000000000, 64)", "(-1, 4)", "(2,)", "()", "(9999999999,)"))
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.ljust(117).encode() + b"\n"
