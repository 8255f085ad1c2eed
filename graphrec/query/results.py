"""What a query gives back: ranked nodes with display fields and reasons, and many answers at once.

The columns of a table of answers depend only on schema and target type, never on the content: the
tables of several answers can be concatenated, those of empty answers too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, SupportsIndex, overload

import pyarrow as pa

from graphdb.checked_schema import Schema
from graphdb.schema_types import CREATED_AT
from graphdb.tabular import Tabular, html_table
from graphrec.query.names import Skipped
from graphrec.query.topk import Plan


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One recommended node.

    Args:
        type: Its node type.
        id: Its id.
        rank: The place in the list, from 1.
        score: Affinity, or affinity moved towards value if that was asked for. Higher is better.
            Scores are comparable only within one answer. With shares, caps or diversity, the order
            is not that of the scores alone.
        fields: The display fields by name, such as title, brand and price.
        reasons: Why the node is in the list, and whether the query node has seen it, in plain
            words.
    """

    type: str
    id: str
    rank: int
    score: float
    fields: Mapping[str, Any]
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data, ready for JSON except for timestamps among the fields."""
        return {
            "rank": self.rank,
            "type": self.type,
            "id": self.id,
            "score": self.score,
            "fields": dict(self.fields),
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, slots=True)
class Reranked:
    """What shares, caps and diversity did to one list.

    Args:
        pool: How many of the best candidates were looked at.
        new_items: How many new items are in the list; 0 where they have no share.
        raised: Ranks of the new items who stand there for their share, and not by affinity.
        passed_over: How many candidates a cap left out, although better than the last one.
    """

    pool: int
    new_items: int
    raised: tuple[int, ...]
    passed_over: int


@dataclass(frozen=True, slots=True)
class Trace:
    """How an answer was computed.

    Args:
        num_targets: The number of nodes of the target type.
        num_candidates: How many of them pass filters and policy for every query node and can be
            bought. Targets that a single query node has seen, or may not get, are not subtracted.
        policy_version: The version of the enforced policy; None without a policy.
        excluded: The number of targets that the policy excluded, per reason code.
        plan: How the candidates were searched, and why.
        reranked: What shares, caps and diversity changed; None without these options.
        skipped: What the query names and the bundle does not hold; it was ignored.
        num_unsellable: How many targets pass the filters but were excluded because they cannot be
            bought.
        score_kind: The meaning of scores: 'affinity', or for audiences the 'probability' to buy
            within `score_days`, or 'similarity' if the bundle was trained without a holdout:
            standard deviations above the average user, which are no probability.
        score_days: The days within which the probability holds; None for other scores.
    """

    num_targets: int
    num_candidates: int
    policy_version: str | None
    excluded: Mapping[str, int]
    plan: Plan
    reranked: Reranked | None = None
    skipped: tuple[Skipped, ...] = ()
    num_unsellable: int = 0
    score_kind: Literal["affinity", "probability", "similarity"] = "affinity"
    score_days: int | None = None


class Outcome(StrEnum):
    """The kind of answer that a query node got."""

    ANSWERED = "answered"
    POPULAR = "popular"
    UNKNOWN_ID = "unknown_id"
    NOTHING_KNOWN = "nothing_known"


RANKED = [
    ("query_type", pa.string()),
    ("query_id", pa.string()),
    ("rank", pa.int64()),
    ("type", pa.string()),
    ("id", pa.string()),
    ("score", pa.float64()),
]
"""The first columns of every table of answers."""
REASONS = ("reasons", pa.list_(pa.string()))
"""The last one."""
_OWN = {name for name, _ in (*RANKED, REASONS)}
_PRODUCT_FIELDS = ("title", "brand", "category", "price", "size", "status", "stock")


def table_schema(schema: Schema, target_type: str) -> pa.Schema:
    """Returns the columns of tables of answers with targets of one type.

    Each display field has a column of its name; after `field_` if the name is one of the others.
    """
    shown = [(_column_of(name), kind) for name, kind in _field_types(schema, target_type)]
    return pa.schema([*RANKED, *shown, REASONS])


def _column_of(name: str) -> str:
    """The column of a display field."""
    return f"field_{name}" if name in _OWN else name


def _field_types(schema: Schema, target_type: str) -> Iterator[tuple[str, pa.DataType]]:
    """The display fields that nodes of a type can have, see `Display.fields`."""
    node_type = schema.node_type(target_type)
    kinds = {column.name: column.kind.arrow for column in schema.columns(target_type)}
    if target_type == "Product":
        linked = {"brand": pa.string(), "category": pa.string()}
        for name in _PRODUCT_FIELDS:
            if name in linked or name in kinds:
                yield name, linked.get(name, kinds.get(name))
        return
    for name, kind in kinds.items():
        if name not in (node_type.key, CREATED_AT):
            yield name, kind
    if target_type == "Brand":
        yield "products", pa.int64()


@dataclass(frozen=True, slots=True)
class Recommendations(Sequence[Recommendation], Tabular):
    """The answer for one query node: a sequence, best first, empty if nothing passed.

    Args:
        outcome: 'answered', also if nothing passed; 'popular' if nothing is known about the query
            node; or, in a batch, why the answer is empty: 'unknown_id' or 'nothing_known'.
        columns: The columns of `to_arrow`, see `table_schema`.
    """

    query_type: str
    query_id: str
    target_type: str
    items: tuple[Recommendation, ...]
    trace: Trace = field(compare=False, repr=False)
    outcome: Outcome = Outcome.ANSWERED
    columns: pa.Schema = field(compare=False, repr=False, kw_only=True)

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Recommendation: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Recommendation, ...]: ...
    def __getitem__(self, index: int | slice) -> Recommendation | tuple[Recommendation, ...]:
        return self.items[index]

    def __iter__(self) -> Iterator[Recommendation]:
        return iter(self.items)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, best first."""
        return tuple(item.id for item in self.items)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Returns one plain dictionary per recommendation, best first."""
        return [item.to_dict() for item in self.items]

    def to_arrow(self) -> pa.Table:
        """Returns one row per recommendation: query node, rank, target, score, fields, reasons.

        All answers about one target type have the same columns, so `pyarrow.concat_tables` joins
        their tables.
        """
        return _table([self], self.columns)

    def __repr__(self) -> str:
        return f"<{_summary(self)}>"

    def _repr_html_(self) -> str:
        rows = [
            {**one.fields, "#": one.rank, "id": one.id, "score": one.score, "why": one.reasons}
            for one in self
        ]
        columns = ("#", "id", *_fields_of(self.columns), "score", "why")
        return html_table(_summary(self, ids=False), rows, columns=columns)


class Batch(list[Recommendations], Tabular):
    """The answers of many queries, in their order: a list that is also one table.

    Args:
        columns: The columns of `to_arrow`, for answers about one target type, see `table_schema`;
            by default those of the first answer.
    """

    def __init__(
        self, answers: Iterable[Recommendations] = (), columns: pa.Schema | None = None
    ) -> None:
        super().__init__(answers)
        if columns is None:
            columns = self[0].columns if self else pa.schema([*RANKED, REASONS])
        self.columns = columns

    @overload
    def __getitem__(self, index: SupportsIndex) -> Recommendations: ...
    @overload
    def __getitem__(self, index: slice) -> "Batch": ...
    def __getitem__(self, index: SupportsIndex | slice) -> "Recommendations | Batch":
        if isinstance(index, slice):
            return Batch(super().__getitem__(index), self.columns)
        return super().__getitem__(index)

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """What became of each query node, by id: answered, popular, or why its answer is empty."""
        return {answer.query_id: answer.outcome for answer in self}

    def to_arrow(self) -> pa.Table:
        """Returns the rows of all answers; an empty answer has none, see `outcomes`."""
        return _table(self, self.columns)

    def __repr__(self) -> str:
        return f"<{self._summary()}>"

    def _repr_html_(self) -> str:
        rows = [
            {"query": answer.query_id, "outcome": str(answer.outcome), "results": len(answer)}
            | ({"best": ", ".join(answer.ids[:3])} if answer else {})
            for answer in self
        ]
        return html_table(self._summary(), rows, columns=("query", "outcome", "results", "best"))

    def _summary(self) -> str:
        kinds = [answer.outcome for answer in self]
        counts = [f"{kinds.count(kind):,} {kind}" for kind in Outcome if kind in kinds]
        number = "1 answer" if len(self) == 1 else f"{len(self):,} answers"
        return f"{number}: {', '.join(counts)}" if self else number


def _table(answers: Sequence[Recommendations], columns: pa.Schema) -> pa.Table:
    """The rows of some answers, built by column."""
    items = [item for answer in answers for item in answer]
    own: dict[str, list[Any]] = {
        "query_type": [answer.query_type for answer in answers for _ in answer],
        "query_id": [answer.query_id for answer in answers for _ in answer],
        "rank": [item.rank for item in items],
        "type": [item.type for item in items],
        "id": [item.id for item in items],
        "score": [item.score for item in items],
        "reasons": [item.reasons for item in items],
    }
    shown = {_column_of(name): name for name in _fields_of(columns)}
    cells = [
        own[one.name] if one.name in own else [item.fields.get(shown[one.name]) for item in items]
        for one in columns
    ]
    arrays = [pa.array(cell, one.type) for cell, one in zip(cells, columns, strict=True)]
    return pa.Table.from_arrays(arrays, schema=columns)


def _fields_of(columns: pa.Schema) -> list[str]:
    """The display fields that have a column."""
    return [
        name.removeprefix("field_") if name.removeprefix("field_") in _OWN else name
        for name in columns.names
        if name not in _OWN
    ]


_SHOWN_IDS = 3


def _summary(answer: Recommendations, *, ids: bool = True) -> str:
    """An answer in one line."""
    of = f" for {answer.query_type} {answer.query_id!r}" if answer.query_id else ""
    what = f"{len(answer):,} {answer.target_type}{of}"
    if answer.outcome is not Outcome.ANSWERED:
        what += f", {answer.outcome}"
    if not ids or not answer:
        return what
    more = ", ..." if len(answer) > _SHOWN_IDS else ""
    return f"{what}: {', '.join(map(repr, answer.ids[:_SHOWN_IDS]))}{more}"
