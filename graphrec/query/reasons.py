"""Describes nodes: the fields by which people recognize them, and what connects two of them.

Both work on many nodes at once. What can be said of two nodes is in `graphrec.query.facts`; here it
is counted in the graph of a bundle. Counts of purchases are of distinct products; those in a
category include everything below it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from graphdb.decimals import as_meant
from graphdb.schema_types import CREATED_AT, Step
from graphrec.adjacency import (
    Adjacency,
    among,
    common_targets,
    counted,
    places_of,
    sources_of,
    thinned,
)
from graphrec.bundle import Bundle
from graphrec.query.conditions import SELLABLE
from graphrec.query.embeddings import NO_ROWS, Rows
from graphrec.query.facts import ORDER, Fact, Facts, Language, Ways, facts_between
from graphrec.query.metapaths import CATEGORY, GROUPS, MAKES, Mask, Paths

Fields = Mapping[str, Any]


class Display:
    """Reads display fields from a bundle."""

    def __init__(self, bundle: Bundle, paths: Paths) -> None:
        self._bundle = bundle
        self._paths = paths
        self._columns: dict[str, Mapping[str, pa.ChunkedArray]] = {}

    def fields(self, node_type: str, row: int) -> Fields:
        """The display fields of one node; what is not known is left out.

        Products come with the names of their brand and categories, and with their status and stock
        where they cannot be bought; brands with the number of their products, everything else
        with the properties that are set.
        """
        return self.fields_of(node_type, np.array([row]))[0]

    def fields_of(self, node_type: str, rows: Rows) -> list[dict[str, Any]]:
        """The same for many nodes, in their order."""
        if node_type not in self._columns:
            table = self._bundle.attributes(node_type)
            left_out = (self._bundle.schema.node_type(node_type).key, CREATED_AT)
            names = [name for name in table.column_names if name not in left_out]
            self._columns[node_type] = {name: table[name] for name in names}
        where = _taken(rows)
        columns: dict[str, Sequence[Any]] = {
            name: _shown(column.take(where)) for name, column in self._columns[node_type].items()
        }
        if node_type == "Product":
            columns = self._of_products(columns, rows)
        elif node_type == "Brand" and self._paths.holds(MAKES):
            columns["products"] = self._paths.adjacency(MAKES.steps[0]).degrees(rows).tolist()
        found: list[dict[str, Any]] = [{} for _ in range(len(rows))]
        for name, values in columns.items():
            for fields, value in zip(found, values, strict=True):
                if value is not None:
                    fields[name] = value
        return found

    def names_of(self, node_type: str, rows: Rows) -> list[str]:
        """What people call some nodes, in their order; the id of a node without a name."""
        table, where = self._bundle.attributes(node_type), _taken(rows)
        named = [
            table[name].take(where).to_pylist()
            for name in ("name", "title")
            if name in table.column_names
        ]
        ids = self.ids_of(node_type, rows)
        return [
            str(next(filter(None, names), one)) for one, *names in zip(ids, *named, strict=True)
        ]

    def ids_of(self, node_type: str, rows: Rows) -> list[str]:
        """The ids of many nodes, in their order."""
        found: list[str] = self._bundle.ids(node_type).take(_taken(rows)).to_pylist()
        return found

    def _of_products(
        self, own: Mapping[str, Sequence[Any]], rows: Rows
    ) -> dict[str, Sequence[Any]]:
        nothing = [None] * len(rows)
        status = [None if one == SELLABLE else one for one in own.get("status", nothing)]
        stock = [None if one else one for one in own.get("stock", nothing)]  # said where it is 0
        return {
            "title": own.get("title", nothing),
            "brand": self._names_of_groups("Brand", rows),
            "category": self._names_of_groups("Category", rows),
            "price": own.get("price", nothing),
            "size": own.get("size", nothing),
            "status": status,
            "stock": stock,
        }

    def _names_of_groups(self, group: str, products: Rows) -> list[str | None]:
        """The names of each product's brand or categories, with commas; None without any."""
        if not self._paths.holds(GROUPS[group]):
            return [None] * len(products)
        groups = self._paths.adjacency(GROUPS[group].steps[0])
        found, which = np.unique(groups.gather(products).astype(np.int64), return_inverse=True)
        names = [names[one] for names in [self.names_of(group, found)] for one in which.tolist()]
        ends = np.cumsum(groups.degrees(products)).tolist()
        starts = [0, *ends][:-1]
        return [", ".join(names[at:end]) or None for at, end in zip(starts, ends, strict=True)]


def _taken(rows: Rows) -> pa.Array:
    """The rows as Arrow takes them; `pa.array` of an array imports pandas where it is installed."""
    return pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(rows)])


def _shown(column: pa.ChunkedArray) -> list[Any]:
    """Numbers as filters compare them, all else as it is."""
    values: list[Any] = column.to_pylist()
    if not pa.types.is_floating(column.type):
        return values
    return [
        value  # prices: as they are, at once
        if value is None or value == round(value, 2)
        else as_meant([value]).item()
        for value in values
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What a policy lets reasons rest on and name; by default everything.

    Args:
        allowed: Gives which nodes of a type may be seen for any query node, bool [num_nodes], or
            None for all of them.
        own: Gives further rows of a type that one query node, given by row, must not see.
    """

    allowed: Callable[[str], Mask | None] | None = None
    own: Callable[[int, str], Rows] | None = None


class Reasons:
    """Puts into words how query nodes and their targets are connected."""

    def __init__(self, paths: Paths, display: Display) -> None:
        self._paths = paths
        self._display = display
        self._facts: dict[tuple[str, str, Language], Facts] = {}

    def between(
        self,
        query_type: str,
        query_rows: Rows,
        target_type: str,
        target_rows: Rows,
        *,
        language: Language = "en",
        sight: Sight = Sight(),
    ) -> list[tuple[str, ...]]:
        """Per pair of a query node and a target the facts that connect them, strongest first.

        Args:
            query_rows: int64 [num_pairs].
            target_rows: int64 [num_pairs].
        """
        is_turned = _PLACES.get(target_type, 99) < _PLACES.get(query_type, 99)
        ends = (target_type, query_type) if is_turned else (query_type, target_type)
        facts = self._facts.get((*ends, language))
        if facts is None:
            facts = self._facts[*ends, language] = facts_between(self._paths, *ends, language)
        found: list[tuple[str, ...]] = []
        for start in range(0, len(query_rows), _AT_ONCE):
            queries, targets = (
                rows[start : start + _AT_ONCE] for rows in (query_rows, target_rows)
            )
            rows = (targets, queries) if is_turned else (queries, targets)
            pairs = _Pairs(self._paths, ends, *rows, queries, sight)
            found += self._told(pairs, facts)
        return found

    def _told(self, pairs: "_Pairs", facts: Facts) -> Iterator[tuple[str, ...]]:
        told: list[list[str]] = [[] for _ in range(pairs.number)]
        against: list[list[str]] = [[] for _ in range(pairs.number)]
        number = np.zeros(pairs.number, dtype=np.int64)
        families: dict[str, Mask] = {}
        for fact in facts.kinds:
            wanted = number < fact.enough
            if fact.is_against:
                wanted[:] = True  # whatever else speaks for it
            elif fact.family:
                already = families.setdefault(fact.family, np.zeros(pairs.number, np.bool_))
                wanted &= ~already
            hits = pairs.hits(fact, np.flatnonzero(wanted))
            into = against if fact.is_against else told
            texts = self._texts(fact, facts, hits)
            for pair, text in zip(hits.pairs.tolist(), texts, strict=True):
                into[pair].append(text)
            if not fact.is_against:
                number[hits.pairs] += 1
                if fact.family:
                    already[hits.pairs] = True
        for one, other in zip(told, against, strict=True):
            yield (*one, *other) or (facts.nothing,)

    def _texts(self, fact: Fact, facts: Facts, hits: "_Hits") -> Iterator[str]:
        names = days = of = [""] * len(hits.pairs)
        if hits.meeting is not None and "{name}" in fact.one + fact.several:
            rows, which = np.unique(hits.meeting, return_inverse=True)
            of_rows = self._display.names_of(fact.meeting, rows)
            names = [of_rows[number] for number in which.tolist()]
        if hits.of is not None and "{m}" in fact.several:
            of = [f"{m:,}" for m in hits.of.tolist()]
        if hits.is_sampled is not None:
            sampled = zip(of, hits.is_sampled.tolist(), strict=True)
            of = [facts.sampled.format(m=m) if is_part else m for m, is_part in sampled]
        if hits.last_at_s is not None:
            days = [f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}" for at in hits.last_at_s.tolist()]
        for n, name, m, day in zip(hits.counts.tolist(), names, of, days, strict=True):
            form = fact.one if n == 1 else fact.several
            when = since = ""
            if day:
                when = (facts.once if n == 1 else facts.often).format(n=f"{n:,}", day=day)
                since = facts.since.format(day=day)
            yield form.format(n=f"{n:,}", name=name, m=m, when=when, since=since)


_PLACES = {node_type: place for place, node_type in enumerate(ORDER)}
_AT_ONCE = 2_000  # pairs; a count for each of their subjects and groups is in memory
_MOST_EDGES = 100_000
_MOST_USERS = 100
_MOST_ALIKE = 50
_FEWEST_ALIKE = 5  # of one or two it says nothing that they bought the same
_MOST_OVERLAPS = 20_000
_USER = "User"


@dataclass(frozen=True, slots=True, eq=False)
class _Hits:
    """Pairs for which a fact holds.

    Args:
        pairs: int64 [num_hits], their numbers, ascending.
        counts: int64 [num_hits].
        meeting: int64 [num_hits], the node where both meet, the first of several; None for edges.
        of: int64 [num_hits], the number of all that were counted from; None for edges.
        is_sampled: bool [num_hits], whether that is a sample; None where none is.
        last_at_s: int64 [num_hits], the time of the last event; None where it is not known.
    """

    pairs: Rows
    counts: Rows
    meeting: Rows | None = None
    of: Rows | None = None
    is_sampled: Mask | None = None
    last_at_s: Rows | None = None


class _Pairs:
    """Pairs of a subject and an object, whose edges are walked once for all.

    Args:
        ends: The types of subjects and objects.
        query_rows: int64 [num_pairs], which of the two, as asked for.
    """

    def __init__(
        self,
        paths: Paths,
        ends: tuple[str, str],
        subject_rows: Rows,
        object_rows: Rows,
        query_rows: Rows,
        sight: Sight,
    ) -> None:
        self.number = len(query_rows)
        self._paths, self._ends, self._sight = paths, ends, sight
        self._rows, self._of_pair = [], []
        for rows in (subject_rows, object_rows):
            distinct, which = np.unique(rows, return_inverse=True)
            self._rows.append(distinct)
            self._of_pair.append(which)
        self._queries = query_rows
        self._reached: dict[tuple[int, Ways], Adjacency] = {}

    def hits(self, fact: Fact, some: Rows) -> _Hits:
        """For which of some pairs a fact holds, int64 ascending."""
        if not len(some):
            return _Hits(NO_ROWS, NO_ROWS)
        if fact.is_edge:
            return self._edges(fact, some)
        heads = self._users_alike(some) if fact.is_of_alike else self._ends_of(0, fact.subject)
        tails = self._ends_of(1, fact.object)
        if fact.is_by_group:
            return self._by_group(fact, heads, tails, some)
        pairs, meeting = self._met(heads, tails, some)
        visible = self._visible(fact.meeting, pairs, meeting)
        pairs, meeting = pairs[visible], meeting[visible]
        pairs, firsts, counts = np.unique(pairs, return_index=True, return_counts=True)
        of = heads.degrees(self._of_pair[0][pairs])
        return _Hits(pairs, counts, meeting[firsts], of)

    def _edges(self, fact: Fact, some: Rows) -> _Hits:
        """Which of some pairs an edge connects, with its evidence."""
        (step,) = fact.subject[0].steps
        side = int(step.backwards)  # from its source, as edges are stored
        edges = self._paths.adjacency(Step(step.edge_type))
        starts = self._rows[side]
        if edges.degrees(starts).sum() > _MOST_EDGES:
            other = self._paths.adjacency(Step(step.edge_type, backwards=True))
            if other.degrees(self._rows[1 - side]).sum() < edges.degrees(starts).sum():
                side, edges, starts = 1 - side, other, self._rows[1 - side]
        known = np.repeat(np.arange(len(starts)), edges.degrees(starts)) * edges.num_targets
        positions = edges.positions(starts)
        known += edges.indices[positions]
        far = self._rows[1 - side][self._of_pair[1 - side][some]]
        places, found = places_of(known, self._of_pair[side][some] * edges.num_targets + far)
        at = positions[places]
        if edges.evidence is None:
            return _Hits(some[found], np.ones(len(at), dtype=np.int64))
        counts = edges.evidence.counts[at].astype(np.int64)
        return _Hits(some[found], counts, last_at_s=edges.evidence.last_at_s[at])

    def _ends_of(self, side: int, ways: Ways) -> Adjacency:
        """What all subjects, or objects, reach along metapaths."""
        if (side, ways) not in self._reached:
            self._reached[side, ways] = self._paths.reach_each(
                ways, self._rows[side], allowed=self._sight.allowed, most_edges=_MOST_EDGES
            )
        return self._reached[side, ways]

    def _met(self, heads: Adjacency, tails: Adjacency, some: Rows) -> tuple[Rows, Rows]:
        """Every node that both ends of a pair reach: pairs, ascending, and nodes."""
        subjects, objects = (of[some] for of in self._of_pair)
        few = tails.degrees(objects) <= heads.degrees(subjects)  # fewer to look up
        parts = (
            common_targets(some[few], tails, objects[few], heads, subjects[few]),
            common_targets(some[~few], heads, subjects[~few], tails, objects[~few]),
        )
        pairs, meeting = (np.concatenate(both) for both in zip(*parts, strict=True))
        order = np.lexsort((meeting, pairs))
        return pairs[order], meeting[order]

    def _by_group(self, fact: Fact, heads: Adjacency, tails: Adjacency, some: Rows) -> _Hits:
        """Which pairs meet at a group, at that to which most of what is counted belongs."""
        is_sampled = None
        if fact.counted == _USER:
            if not fact.is_of_alike:
                is_sampled = heads.degrees() > _MOST_USERS
                heads = thinned(heads, np.ones(heads.num_targets, np.bool_), _MOST_USERS)
            users, members = np.unique(heads.indices, return_inverse=True)
            groups = self._groups_of_users(users.astype(np.int64), fact.meeting)
        else:
            members = heads.indices.astype(np.int64)
            groups = self._paths.groups_of(fact.meeting)
        subjects, objects = (of[some] for of in self._of_pair)
        degrees = tails.degrees(objects)
        pairs, meeting = np.repeat(some, degrees), tails.gather(objects).astype(np.int64)
        asked, column = np.unique(meeting, return_inverse=True)
        columns = np.full(groups.num_targets, -1)
        columns[asked] = np.arange(len(asked))
        origin = np.repeat(sources_of(heads), groups.degrees(members))
        reached = columns[groups.gather(members)]
        keys = (origin * len(asked) + reached)[reached >= 0]
        numbers = np.bincount(keys, minlength=heads.num_sources * len(asked))
        counts = numbers[np.repeat(subjects, degrees) * len(asked) + column]
        found = np.flatnonzero(counts > self._itself(fact, heads, pairs))
        counts, pairs, meeting = counts[found], pairs[found], meeting[found]
        depth = np.zeros(groups.num_targets, dtype=np.int64)
        if fact.meeting == CATEGORY:  # a category says more than what it is a part of
            depth = self._paths.tree.ancestors.degrees()
        order = np.lexsort((meeting, -depth[meeting], -counts, pairs))
        counts, pairs, meeting = counts[order], pairs[order], meeting[order]
        visible = self._visible(fact.meeting, pairs, meeting)
        counts, pairs, meeting = counts[visible], pairs[visible], meeting[visible]
        pairs, firsts = np.unique(pairs, return_index=True)
        subject = self._of_pair[0][pairs]
        return _Hits(
            pairs,
            counts[firsts],
            meeting[firsts],
            heads.degrees(subject),
            None if is_sampled is None else is_sampled[subject],
        )

    def _itself(self, fact: Fact, heads: Adjacency, pairs: Rows) -> Mask:
        """Of which pairs the object is counted itself: no reason if it is the only product."""
        if fact.counted != self._ends[1]:
            return np.zeros(len(pairs), dtype=np.bool_)
        subjects, objects = (of[pairs] for of in self._of_pair)
        return among(heads, subjects, self._rows[1][objects])

    def _groups_of_users(self, users: Rows, group: str) -> Adjacency:
        """The groups of what each of some users took."""
        took = self._paths.reach_each((self._paths.taken,), users, allowed=self._sight.allowed)
        groups = self._paths.groups_of(group)
        origin = np.repeat(sources_of(took), groups.degrees(took.indices))
        reached = groups.gather(took.indices)
        return Adjacency.from_edges(origin, reached, len(users), groups.num_targets)

    def _visible(self, node_type: str, pairs: Rows, nodes: Rows) -> Mask:
        """Which nodes may be seen by the query nodes of their pairs."""
        visible = np.ones(len(pairs), dtype=np.bool_)
        if self._sight.own is None:
            return visible
        queries = self._queries[pairs]
        for query in np.unique(queries).tolist():
            hidden = self._sight.own(query, node_type)
            if len(hidden):
                mine = np.flatnonzero(queries == query)
                visible[mine] = ~np.isin(nodes[mine], hidden)
        return visible

    def _users_alike(self, some: Rows) -> Adjacency:
        """For the subjects of some pairs the users with the most similar purchases.

        By the cosine of the sets of products, over the rarest that the subject took.
        """
        (step,) = self._paths.taken.steps
        took = self._paths.adjacency(step)
        takers = self._paths.adjacency(Step(step.edge_type, backwards=True))
        found = [NO_ROWS] * len(self._rows[0])
        for subject in np.unique(self._of_pair[0][some]).tolist():
            user = int(self._rows[0][subject])
            products = took.targets(user)
            number = takers.degrees(products)
            rarest = np.argsort(number, kind="stable")
            few = products[rarest[np.cumsum(number[rarest]) <= _MOST_OVERLAPS]]
            others, shared = counted(takers.gather(few), took.num_sources)
            alike = shared / np.sqrt(took.degrees(others))
            alike[others == user] = -1
            if len(others) > _MOST_ALIKE:
                best = np.argpartition(-alike, _MOST_ALIKE)[:_MOST_ALIKE]
                others, alike = others[best], alike[best]
            others = others[alike > 0]
            if len(others) >= _FEWEST_ALIKE:
                found[subject] = np.sort(others)
        indptr = np.concatenate([[0], np.cumsum([len(one) for one in found])])
        indices = np.concatenate([NO_ROWS, *found]).astype(np.int32)
        return Adjacency(indptr, indices, took.num_sources)
