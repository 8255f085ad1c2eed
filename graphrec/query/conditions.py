"""Turns conditions on typed properties, such as `{"followers": {"min": 1000}}`, into masks of rows.

Where an entry matches nothing, it also looks for a known text that differs only in spelling.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Strict,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from graphdb.columns import numbers_of
from graphdb.decimals import as_meant
from graphdb.errors import InvalidFilterError, nearest, shown
from graphdb.locking import ForkLock
from graphdb.schema_types import Kind, Property
from graphrec.bundle import Bundle
from graphrec.bundle.reader import is_text

_INVISIBLE = r"[\p{Cf}\p{Cc}]"  # zero-width spaces, byte order marks, soft hyphens, tabs
_FLOAT = r"^(\d+)\.0+$"  # 17.0, where a column of whole numbers has gaps
_PADDED = r"^0+(\d+)$"  # 007, or the 7 that a spreadsheet made of it


@dataclass(frozen=True, slots=True)
class Respelled:
    """An entry that names nothing, and the text that it is in another spelling."""

    entry: str
    meant: str

    @property
    def hint(self) -> str:
        """What to tell the person who wrote it.

        >>> Respelled(" p3", "p3").hint
        "did you mean 'p3'?"
        """
        return f"did you mean '{self.meant}'?"


def plain_spelling(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts without what a person may not see: spaces around them, case, forms of a character.

    Ids and names are compared exactly; this only tells which ones look the same.

    >>> plain_spelling(pa.chunked_array([[" P3", "p3", "0017", "17.0"]])).to_pylist()
    ['p3', 'p3', '17', '17']
    """
    texts = pc.utf8_normalize(texts, "NFKC")
    texts = pc.utf8_lower(pc.replace_substring_regex(texts, _INVISIBLE, ""))
    texts = pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), _FLOAT, r"\1")
    return pc.replace_substring_regex(texts, _PADDED, r"\1")


def first_respelled(
    entries: Sequence[str], known: pa.ChunkedArray, plain: pa.ChunkedArray
) -> Respelled | None:
    """The first of the known texts that is one of the entries in another spelling.

    Args:
        entries: None of them is known as it stands.
        plain: `plain_spelling` of the known ones.
    """
    asked = plain_spelling(pa.chunked_array([entries], pa.string())).to_pylist()
    alike = pc.is_in(plain, pa.array(asked, pa.string()), skip_nulls=True).to_numpy()
    for row in np.flatnonzero(alike)[:1].tolist():
        return Respelled(entries[asked.index(plain[row].as_py())], known[row].as_py())
    return None


Mask = npt.NDArray[np.bool_]
Value = StrictBool | StrictInt | StrictFloat | StrictStr | Annotated[datetime, Strict()]

SELLABLE = "active"
"""The status of what can be bought."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 2**63
_FITTING: dict[Kind, tuple[type, ...]] = {
    Kind.STRING: (str,),
    Kind.INT: (int, float),
    Kind.FLOAT: (int, float),
    Kind.BOOL: (bool,),
    Kind.TIMESTAMP: (datetime,),
}


class Condition(BaseModel):
    """What a property must be: one of some values, or within a range. Missing never passes.

    Args:
        one_of: The values that pass, none where it is empty; None for a range.
        min: Lowest value that passes.
        max: Highest value that passes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    one_of: tuple[Value, ...] | None = None
    min: Value | None = None
    max: Value | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> "Condition":
        ranged = self.min is not None or self.max is not None
        if (self.one_of is not None) == ranged:
            raise ValueError("give a value, a list of values, or {min, max}")
        return self

    @model_validator(mode="after")
    def _is_in_order(self) -> "Condition":
        """A NaN, or a range that nothing can be within, would let a rule that bars hold nothing."""
        if any(isinstance(value, float) and not isfinite(value) for value in self.values()):
            raise ValueError("numbers must be finite")
        ends = [end for end in (self.min, self.max) if end is not None]
        kinds = {isinstance(end, datetime) for end in ends}
        if len(ends) == 2 and len(kinds) == 1 and not any(isinstance(end, str) for end in ends):
            naive = {isinstance(end, datetime) and end.tzinfo is None for end in ends}
            low, high = (as_meant([end]).item() if isinstance(end, float) else end for end in ends)
            if len(naive) == 1 and low > high:  # type: ignore[operator]
                raise ValueError("'min' is above 'max'")
        return self

    def values(self) -> tuple[Value, ...]:
        """Every value that it names."""
        return (*(self.one_of or ()), *(end for end in (self.min, self.max) if end is not None))


def _as_condition(given: Any) -> Any:
    if isinstance(given, Condition | Mapping):
        return given
    return {"one_of": tuple(given) if isinstance(given, list | tuple) else (given,)}


def _as_pairs(given: Any) -> Any:
    return tuple(given.items()) if isinstance(given, Mapping) else given


Conditions = Annotated[
    tuple[tuple[str, Annotated[Condition, BeforeValidator(_as_condition)]], ...],
    BeforeValidator(_as_pairs),
]
"""By property name; written as a mapping of values, lists of values or {min, max}."""


class Columns:
    """The property columns of a bundle, made ready for comparing when first asked for."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._numbers: dict[tuple[str, str], npt.NDArray[np.float64]] = {}
        self._plain: dict[tuple[str, str], pa.ChunkedArray] = {}
        self._lock = ForkLock()

    def numbers(self, node_type: str, name: str) -> npt.NDArray[np.float64]:
        """A numeric property, float64 [num_nodes]; NaN where it is missing.

        Timestamps are microseconds since 1970, UTC. Fractions are those that are meant and shown,
        see `as_meant`.
        """
        with self._lock:
            if (node_type, name) not in self._numbers:
                column = self.bundle.attributes(node_type)[name]
                if pa.types.is_timestamp(column.type):
                    column = column.cast(pa.int64())
                as_float = pc.fill_null(column.cast(pa.float64(), safe=False), float("nan"))
                numbers = as_float.to_numpy()
                is_fraction = pa.types.is_floating(column.type)
                self._numbers[node_type, name] = as_meant(numbers) if is_fraction else numbers
            return self._numbers[node_type, name]

    def respelled(self, node_type: str, name: str, entries: Sequence[str]) -> Respelled | None:
        """The first entry that is a value of a text column in another spelling; None for none.

        Args:
            entries: None of them stands in the column as it is.
        """
        if not entries:
            return None
        column = self.bundle.attributes(node_type)[name]
        with self._lock:
            if (node_type, name) not in self._plain:
                self._plain[node_type, name] = plain_spelling(column)
            plain = self._plain[node_type, name]
        return first_respelled(entries, column, plain)

    def within(self, node_type: str, name: str, low: float | None, high: float | None) -> Mask:
        """Which nodes have a number from `low` to `high`, both included; a missing one never."""
        numbers = self.numbers(node_type, name)
        mask: Mask = ~np.isnan(numbers)
        if low is not None:
            mask &= numbers >= low
        if high is not None:
            mask &= numbers <= high
        return mask

    def mask(self, node_type: str, conditions: Conditions) -> Mask:
        """Which nodes meet all conditions, bool [num_nodes].

        Raises:
            InvalidFilterError: The type has no such property, or a value is not of its kind.
        """
        mask = np.ones(self.bundle.num_nodes(node_type), dtype=np.bool_)
        for name, condition in conditions:
            declared = self._declared(node_type, name)
            _check_values(node_type, declared, condition)
            mask &= self._meets(node_type, declared, condition)
        return mask

    def sellable(self, node_type: str) -> Mask | None:
        """Which nodes can be bought, bool [num_nodes], read-only; None where all can.

        Those that have a status and another one than 'active', or a stock of 0, cannot. A schema
        of its own whose status cannot be 'active' says it in words that are not known here.
        """
        mask = np.ones(self.bundle.num_nodes(node_type), dtype=np.bool_)
        declared = {column.name: column for column in self.bundle.schema.columns(node_type)}
        if "status" in declared and SELLABLE in declared["status"].choices:
            status = self.bundle.attributes(node_type)["status"]
            mask &= _by_value(status, lambda one: one in (None, SELLABLE))
        if "stock" in declared and declared["stock"].kind in (Kind.INT, Kind.FLOAT):
            stock = self.bundle.attributes(node_type)["stock"]
            mask &= _by_value(stock, lambda one: one is None or not one <= 0)
        mask.flags.writeable = False
        return None if mask.all() else mask

    def _declared(self, node_type: str, name: str) -> Property:
        known = {column.name: column for column in self.bundle.schema.columns(node_type)}
        if name not in known:
            raise InvalidFilterError(
                f"{node_type} has no property '{name}'",
                expected="one of " + ", ".join(known),
                next_step=nearest(name, list(known)),
                value=name,
            )
        return known[name]

    def _meets(self, node_type: str, declared: Property, condition: Condition) -> Mask:
        if condition.one_of is not None:
            return self._is_one_of(node_type, declared, condition.one_of)
        low, high = (_as_number(end) for end in (condition.min, condition.max))
        return self.within(node_type, declared.name, low, high)

    def _is_one_of(self, node_type: str, declared: Property, values: tuple[Value, ...]) -> Mask:
        column = self.bundle.attributes(node_type)[declared.name]
        if declared.kind is Kind.FLOAT:
            return np.isin(
                self.numbers(node_type, declared.name), as_meant(np.array(values, dtype=np.float64))
            )
        wanted = pa.array(list(values), None if values else declared.kind.arrow)
        wanted = wanted.cast(declared.kind.arrow)
        if declared.kind is Kind.STRING and not declared.choices:
            strange = wanted.filter(pc.invert(pc.is_in(wanted, column.combine_chunks())))
            self._refuse_respelled(node_type, declared.name, strange.to_pylist())
        found: Mask = pc.is_in(column, wanted).to_numpy()
        return found

    def _refuse_respelled(self, node_type: str, name: str, values: list[str]) -> None:
        """A value that no node has must not be one that a node has, in another spelling."""
        meant = self.respelled(node_type, name, values)
        if meant is not None:
            raise InvalidFilterError(
                f"no {node_type} has the {name} '{meant.entry}'",
                next_step=meant.hint,
                value=meant.entry,
            )


def microseconds(moment: datetime) -> float:
    """A moment as `Columns.numbers` has it; a timestamp in seconds would be rounded."""
    return (moment - _EPOCH) / timedelta(microseconds=1)


def _as_number(end: Value | None) -> float | None:
    if isinstance(end, datetime):
        return microseconds(end)
    return None if end is None else as_meant([end]).item()


def _check_values(node_type: str, declared: Property, condition: Condition) -> None:
    of = f"property '{declared.name}' of {node_type}"
    if condition.one_of is None and declared.kind in (Kind.STRING, Kind.BOOL):
        raise InvalidFilterError(
            f"{of} is a {declared.kind.value}, which has no range",
            expected="a value or a list of values",
            value=condition,
        )
    for value in condition.values():
        fits = isinstance(value, _FITTING[declared.kind])
        fits = fits and (not isinstance(value, str) or is_text(value))
        if not fits or isinstance(value, bool) != (declared.kind is Kind.BOOL):
            raise InvalidFilterError(
                f"{of} cannot be {shown(value)}", expected=f"a {declared.kind.value}", value=value
            )
        if isinstance(value, datetime) and value.tzinfo is None:
            raise InvalidFilterError(f"{of}: {value} has no timezone", expected="one", value=value)
        _check_range(of, declared.kind, value, exact=condition.one_of is not None)
        if declared.choices and value not in declared.choices:
            raise InvalidFilterError(
                f"{of} cannot be {shown(value)}",
                expected="one of " + ", ".join(declared.choices),
                next_step=nearest(str(value), list(declared.choices)),
                value=value,
            )


def _by_value(column: pa.ChunkedArray, passes: Callable[[Any], bool]) -> Mask:
    """Which cells pass, by the distinct ones: to compare with one value, Arrow imports pandas."""
    values = pc.unique(column)
    passing = np.array([passes(one) for one in values.to_pylist()], dtype=np.bool_)
    found: Mask = passing[numbers_of(pc.index_in(column, value_set=values))]
    return found


def _check_range(of: str, kind: Kind, value: Value, *, exact: bool) -> None:
    """A value must be one that the column can hold; an end of a range need not be whole."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    too_large = isinstance(value, float) and kind is Kind.INT and not -_MOST <= value < _MOST
    if too_large or (whole and not -_MOST <= value < _MOST):  # type: ignore[operator]
        raise InvalidFilterError(
            f"{of} cannot be {shown(value)}", expected="64 bits at most", value=value
        )
    if exact and kind is Kind.INT and isinstance(value, float) and not value.is_integer():
        raise InvalidFilterError(
            f"{of} cannot be {shown(value)}", expected="a whole number", value=value
        )
