"""Which indexes a bundle gets, and with which seeds each is cut and measured."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from graphrec.bundle import Bundle
from graphrec.query.fold_in import USER
from graphrec.query.index.bounds import scaled
from graphrec.query.index.config import IndexConfig
from graphrec.query.index.rotation import Rotation, balanced
from graphrec.query.propose import Similarity
from graphrec.query.rows import Rows
from graphrec.query.space import Space

_ROTATION_SEEDS = 20_000
_ROTATION_TARGETS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """One index to build.

    Args:
        seeds: Those that it is measured with.
        itself: Per seed the target rows that it must not get: itself, where seeds are targets.
        counts: How many seeds are of which type.
    """

    target_type: str
    similarity: Similarity
    targets: Space
    seeds: Space
    itself: list[Rows]
    counts: dict[str, int]
    rotation: Rotation

    @property
    def name(self) -> str:
        return f"{self.target_type}.{self.similarity}"


def orders_of(bundle: Bundle, config: IndexConfig) -> Iterator[Order]:
    """One for dot products, asked for by all other types, and one for likeness within the type."""
    types = [name for name in bundle.node_types if bundle.has_vectors(name)]
    spaces = {name: Space.of(bundle.vectors(name), bundle.norms(name)) for name in types}
    for target_type, targets in spaces.items():
        if len(targets) < config.min_targets or not targets.max_norm:
            continue
        others = [name for name in types if name != target_type and spaces[name].max_norm > 0]
        asked = {Similarity.DOT: others or [target_type]}
        if target_type != USER:  # who are alike in a measure of their own, see `Directions`
            asked[Similarity.COSINE] = [target_type]
        for similarity, asking in asked.items():
            yield order_of(
                target_type, similarity, {name: spaces[name] for name in asking}, targets, config
            )


def order_of(
    target_type: str,
    similarity: Similarity,
    asking: dict[str, Space],
    targets: Space,
    config: IndexConfig,
) -> Order:
    """Draws what an index is cut to and measured with.

    Args:
        asking: The seeds' vectors, by type.
    """
    random = np.random.default_rng(config.seed)
    drawn = {
        name: _drawn(random, space, max(config.num_seeds // len(asking), 2))
        for name, space in asking.items()
    }
    samples = [
        space.vectors[rows] / space.norms[rows, None]  # each seed counts the same
        for space in asking.values()
        for rows in [_drawn(random, space, max(_ROTATION_SEEDS // len(asking), 1))]
    ]
    among_targets = _drawn(random, targets, _ROTATION_TARGETS)
    return Order(
        target_type,
        similarity,
        targets,
        Space.of(np.concatenate([space.vectors[drawn[name]] for name, space in asking.items()])),
        _itself(target_type, drawn),
        {name: len(rows) for name, rows in drawn.items()},
        balanced(np.concatenate(samples), scaled(targets, similarity, among_targets)),
    )


def _drawn(random: np.random.Generator, space: Space, size: int) -> Rows:
    """Rows with a vector that is not zero, ascending."""
    known = np.flatnonzero(~space.zero)
    return np.sort(random.choice(known, min(size, len(known)), replace=False))


def _itself(target_type: str, drawn: dict[str, Rows]) -> list[Rows]:
    return [
        np.array([row] if name == target_type else [], dtype=np.int64)
        for name, rows in drawn.items()
        for row in rows
    ]
