"""Chooses settings on a validation part that is cut from the training graph.

What fits one data set does not fit another: a dense one wants few dimensions, an old one no
half-life, a shop of fashions what sells now. The search climbs from several starts, one step along
one key at a time: first the SVD, with the edge types of products that enter it, then the weights of
the other blocks, then how brands and other groups are ranked. Keys that the config sets itself stay
as they are. The number of trials depends on the data and not on the clock: equal data give equal
choices, however fast the machine.
`training.trials` says what makes trials cheap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphdb.checked_schema import Schema
from graphdb.errors import InsufficientDataError
from graphdb.schema_types import EdgeType
from training.compression_choice import CompressionChoice, chosen_size
from training.config import TrainConfig
from training.data import ALWAYS_S, AT_S, DAY_S, HeteroData, edge_types_of, side_edge_types
from training.evaluation.results import FEWEST_QUERIES
from training.evaluation.tasks import NEW, NEW_GROUPS
from training.pairs import adjacency, compose, without
from training.splitting.holdout import Split, ValidationPart, cut
from training.trials import (
    NEVER_DAYS,
    Axes,
    BlockTrials,
    Factorisations,
    KnownAnswers,
    Question,
    Settings,
    SvdTrials,
    Value,
    climbed,
    values_of,
)

DIMS, MOST_DIM = (8, 16, 32, 64, 128), 1024
"""The dimensions that are tried; twice as many, up to the most, while the best trial has the most
of them.
"""

READ_OUT: dict[str, Sequence[Value]] = {
    "svd.dim": DIMS,
    "svd.singular_value_exponent": (-0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
    "svd.item_popularity_exponent": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
}
"""What one factorisation answers for."""

EXPONENTS: dict[str, Sequence[Value]] = {
    "svd.item_exponent": (0.2, 0.3, 0.4, 0.5, 0.6, 0.75),
    "svd.user_degree_exponent": (0.0, 0.2, 0.4, 0.5, 0.6),
}
REPEAT_EXPONENTS = (0.0, 0.25, 0.5, 1.0)
HALF_LIVES_DAYS = (7.0, 15.0, 30.0, 60.0, 120.0, 240.0, 500.0, 1000.0)

SIDE_WEIGHTS, SIDE_START = (0, 0.1, 0.3, 1.0), 0.3

POPULARITY_WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
POPULARITY_HALF_LIVES_DAYS = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
PROFILE_WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0)  # never 0: it is what is known of new products
GROUPS: dict[str, Sequence[Value]] = {
    "svd.group_singular_value_exponent": (0.0, 0.5, 1.0, 1.5, 2.0, 2.5),
    "svd.group_power": (0.0, 0.25, 0.5, 0.75),
}

STARTS: Sequence[Settings] = (
    {},
    {
        "svd.user_degree_exponent": 0.5,
        "svd.item_exponent": 0.5,
        "svd.item_popularity_exponent": 0.5,
        "svd.singular_value_exponent": 0.5,
        "svd.half_life_days": NEVER_DAYS,
        "svd.repeat_exponent": 0.0,
    },
    {
        "svd.user_degree_exponent": 0.2,
        "svd.item_exponent": 0.5,
        "svd.item_popularity_exponent": 0.1,
        "svd.singular_value_exponent": 0.0,
        "svd.dim": 64,
        "svd.half_life_days": NEVER_DAYS,
        "svd.repeat_exponent": 0.0,
    },
)
"""Where climbs begin, in what differs from the given config: there, at the symmetric normalisation
of Shen et al. (CIKM 2021), and at one that weakens popular products, with few dimensions.
"""

LEAST_DAYS = 8
VALIDATION_DAYS = 28
VALIDATION_SHARE = 0.1
"""The last 28 days are held out, or an eighth of them all, or where there are fewer than 8, a tenth
of each user's pairs.
"""

FEW, MORE, ENOUGH = (1_000, 128, 4_000), (4_000, 512, 4_000), (4_000, 1_024, 4_000)
MOST = (20_000, 4_000, 4_000)
"""Query nodes are drawn until there are so many true pairs, so many at least and at most: for the
climbs from the starts, for the SVD, for weights, whose differences are small, and for the size of
vectors, which may cost half a per cent.
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen config, and what it gains.

    Args:
        config: The given config with the chosen values, which is not to be chosen again.
        part: The validation part, in words; None where there was too little data to choose, and
            the given values are kept.
        changed: Each key that was chosen with its value before and now.
        num_trials: The number of configs that were tried.
        metric: What was compared, such as 'ndcg@20', of what is new to the user.
        before: Its value with the given config.
        reached: Its value with the chosen one, on the same queries.
        size: How short vectors are, and what was measured; None where nothing was to choose.
    """

    config: TrainConfig
    part: str | None
    changed: Mapping[str, tuple[Value, Value]]
    num_trials: int = 0
    metric: str = ""
    before: float = 0.0
    reached: float = 0.0
    size: CompressionChoice | None = None

    def lines(self) -> list[str]:
        """What a person should know of it."""
        if self.part is None:
            return ["settings: kept, because there is too little data to compare others"]
        head = (
            f"settings chosen on {self.part}: {self.metric} of what is new "
            f"{self.before:.4f} before, {self.reached:.4f} now, {self.num_trials} trials"
        )
        changes = self.changed.items()
        return [
            head,
            *(f"  {key} = {_told(new)} (was {_told(old)})" for key, (old, new) in changes),
            *(self.size.lines() if self.size else ()),
        ]

    def to_dict(self) -> dict[str, Any]:
        """What is kept in the manifest."""
        return {
            "part": self.part,
            "changed": {key: {"from": old, "to": new} for key, (old, new) in self.changed.items()},
            "trials": self.num_trials,
            "metric": self.metric,
            "before": self.before,
            "reached": self.reached,
            "size": self.size.to_dict() if self.size else None,
        }


def _told(value: Value) -> str:
    return "never" if value == NEVER_DAYS else f"{value:g}"


def select_config(
    graph: HeteroData, schema: Schema, target_edge_type: EdgeType, base: TrainConfig
) -> Selection:
    """Chooses settings of the SVD, weights of other blocks, and how groups are ranked.

    Args:
        graph: What is trained on. A part of it is held out to compare trials: its last days, or a
            share of each user's pairs where there are no times.
        base: The config for everything that is not chosen, with the length of the lists.

    Raises:
        InsufficientDataError: There are no events to train on.
        SchemaError: The config names a relation that the schema does not have.
    """
    off = base.selection.model_copy(update={"enabled": False})
    kept = base.model_copy(update={"selection": off})
    part, title = _validation_part(graph, schema, target_edge_type)
    if part is None:
        return Selection(kept, None, {})
    return _Search(Question(part, schema, target_edge_type, kept)).selection(str(title))


class _Search:
    """The steps of the search, and the trials that they share."""

    def __init__(self, question: Question) -> None:
        self.question = question
        edge_type, part = question.target_edge_type, question.part
        ends = edge_type.source, edge_type.target
        taken = adjacency(part.train_graph, edge_type)
        answers = KnownAnswers.of(NEW, ends, taken, part.truth)
        self.few, self.more, self.enough, self.most = (
            answers.sampled(*size) for size in (FEW, MORE, ENOUGH, MOST)
        )
        self.read_out = self._free(READ_OUT)
        most = DIMS[-1] if "svd.dim" in self.read_out else question.base.svd.dim
        self.factorisations = Factorisations(question, most)
        self.blocks = BlockTrials(question, self.factorisations)
        self.num_trials = 0
        self.groups = _new_groups(question)

    def selection(self, title: str) -> Selection:
        question, blocks = self.question, self.blocks
        best = self._of_blocks(self._of_svd())
        given = values_of(question.base, best.keys())
        before, reached = (self._ndcg(settings) for settings in (given, best))
        if before >= reached:
            best, reached = given, before
        best = self._of_groups(best)
        given = values_of(question.base, best.keys())
        changed = {key: (given[key], best[key]) for key in best if best[key] != given[key]}
        config = question.with_settings({key: best[key] for key in changed})
        size = self._size(config)
        if size is not None:
            compression = size.applied(config.compression)
            config = config.model_copy(update={"compression": compression})
        return Selection(
            config,
            title,
            changed,
            self.num_trials + len(blocks.known),
            f"ndcg@{question.base.top_k}",
            before,
            reached,
            size,
        )

    def _of_svd(self) -> dict[str, Value]:
        """The best settings of the SVD alone.

        Climbs from the starts are measured on few query nodes.
        """
        axes = self._free(
            {**EXPONENTS, **_axes_of(self.question.part, self.question.target_edge_type)}
        )
        rough, exact = (
            SvdTrials(self.question, self.factorisations, one) for one in (self.few, self.more)
        )
        given = values_of(self.question.base, [*self.read_out, *axes])
        if "svd.dim" in given:
            given["svd.dim"] = min(given["svd.dim"], DIMS[-1])

        def read_out(settings: Settings) -> float:
            return exact.ndcg(climbed(settings, self.read_out, exact.ndcg))

        tops = []
        for other in STARTS:
            start = given | {key: value for key, value in other.items() if key in given}
            top = climbed(start, self.read_out, rough.ndcg)
            tops.append((exact.ndcg(top), top))
        _, best = max(tops, key=lambda one: one[0])
        best = climbed(best, self.read_out, exact.ndcg)
        best = climbed(climbed(best, axes, read_out), self.read_out, exact.ndcg)
        if sides := self._sides():
            # All at once: a single one may bring too little to be seen.
            some = best | dict.fromkeys(sides, SIDE_START)
            if read_out(some) > exact.ndcg(best):
                best = climbed(climbed(some, sides, read_out), self.read_out, exact.ndcg)
        while best.get("svd.dim") == (most := self.factorisations.most_dim) and most < MOST_DIM:
            self.factorisations.most_dim = 2 * most
            wider = self.read_out | {"svd.dim": (most, 2 * most)}
            best = climbed(best, wider, exact.ndcg)
        self.num_trials += len(rough.known) + len(exact.known)
        return best

    def _sides(self) -> dict[str, Sequence[Value]]:
        """The weights of edge types that connect targets to all but query nodes."""
        graph, edge_type = self.question.part.train_graph, self.question.target_edge_type
        sides = side_edge_types(graph, edge_type)
        return self._free({f"svd.edge_type_weights.{side}": SIDE_WEIGHTS for side in sides})

    def _of_blocks(self, best: dict[str, Value]) -> dict[str, Value]:
        """The best weights of profile and popularity beside the best SVD."""
        base, part = self.question.base, self.question.part
        days = _span_days(part.train_graph, self.question.target_edge_type)
        lives = (*(one for one in POPULARITY_HALF_LIVES_DAYS if one <= days), NEVER_DAYS)
        axes = self._free(
            {"popularity.weight": POPULARITY_WEIGHTS, "popularity.half_life_days": lives}
            | ({"profile.weight": PROFILE_WEIGHTS} if base.profile.weight else {})
        )
        start = best | values_of(base, axes.keys())
        starts = [start]
        if start.get("popularity.weight") == 0:
            some = start | {"popularity.weight": POPULARITY_WEIGHTS[2]}
            aged = "popularity.half_life_days"
            starts += [some | {aged: one} for one in lives[::2]] if aged in axes else [some]
        best = climbed(max(starts, key=self._ndcg), axes, self._ndcg)
        if best.get("popularity.weight") == 0:
            best |= {key: value for key, value in start.items() if key.startswith("popularity.")}
        return best

    def _of_groups(self, best: dict[str, Value]) -> dict[str, Value]:
        """The same with the best ranking of brands, or of what `group` names, that are new."""
        question, groups = self.question, self.groups and self.groups.sampled(*ENOUGH)
        if groups is None or groups.num_queries < FEWEST_QUERIES:
            return best
        axes = self._free(GROUPS)

        def ndcg(settings: Settings) -> float:
            return self.blocks.ndcg(settings, groups)

        return climbed(best | values_of(question.base, axes.keys()), axes, ndcg)

    def _size(self, config: TrainConfig) -> CompressionChoice | None:
        """The smallest vectors that find as much; None where nothing is to choose.

        The graph model does not train for trials: beside it, vectors keep their dimensions.
        """
        if not config.compression.is_open or config.graph.weight:
            return None
        groups = self.groups and self.groups.sampled(*MOST)
        answers = [one for one in (self.most, groups) if one is not None]
        vectors = self.blocks.vectors(config)
        query_type = self.question.target_edge_type.source
        return chosen_size(vectors, query_type, config.compression, answers, config.top_k)

    def _ndcg(self, settings: Settings) -> float:
        return self.blocks.ndcg(settings, self.enough)

    def _free(self, axes: Axes) -> dict[str, Sequence[Value]]:
        """The axes of keys that the config does not set itself."""
        tables = self.question.base

        def is_free(key: str) -> bool:
            table, name, *_ = key.split(".", 2)
            return name not in getattr(tables, table).model_fields_set

        return {key: values for key, values in axes.items() if is_free(key)}


def _new_groups(question: Question) -> KnownAnswers | None:
    """Which brands, or what else the config's `group` names, are new to users of the part."""
    part = question.part
    by_name = {str(one): one for one in edge_types_of(part.train_graph)}
    edge_type = by_name.get(question.base.group)
    if edge_type is None:
        return None
    members = adjacency(part.train_graph, edge_type)
    taken = compose(adjacency(part.train_graph, question.target_edge_type), members)
    truth = without(compose(part.truth, members), taken)
    ends = question.target_edge_type.source, edge_type.target
    return KnownAnswers.of(NEW_GROUPS, ends, taken, truth)


def _validation_part(
    graph: HeteroData, schema: Schema, target_edge_type: EdgeType
) -> tuple[ValidationPart | None, str | None]:
    """The last days, or where they are too few, a share of the pairs; None for too little data."""
    splits = [Split(None, validation_fraction=VALIDATION_SHARE)]
    days = int(_span_days(graph, target_edge_type))
    if days >= LEAST_DAYS:
        splits.insert(0, Split(None, min(VALIDATION_DAYS, days // LEAST_DAYS)))
    for split in splits:
        try:
            return cut(graph, schema, target_edge_type, split, 0), split.title
        except InsufficientDataError:
            continue  # the next split needs less; without any, the caller tells
    return None, None


def _axes_of(part: ValidationPart, target_edge_type: EdgeType) -> Axes:
    """The axes that only some data have: age, and pairs that repeat."""
    graph, axes = part.train_graph, {}
    days = _span_days(graph, target_edge_type)
    if lives := [one for one in HALF_LIVES_DAYS if one <= days]:
        axes["svd.half_life_days"] = (*lives, NEVER_DAYS)
    if graph[target_edge_type].edge_index.shape[1] > int(part.taken.crow_indices()[-1]):
        axes["svd.repeat_exponent"] = REPEAT_EXPONENTS
    return axes


def _span_days(graph: HeteroData, edge_type: EdgeType) -> float:
    """The time from the first to the last event; 0 where none has a time."""
    at_s = graph[edge_type][AT_S]
    at_s = at_s[at_s != ALWAYS_S]
    return float(at_s.max() - at_s.min()) / DAY_S if at_s.numel() else 0.0
