"""Do the first ten water cups follow what other purchases say of a shopper's taste?

A synthetic world in which every shopper has a planted taste: price level, style, function, trend
and two brands. A third of the shoppers have never met a cup, as far as the model can know: their
events with cups are taken out. Asked is for ten cups, for these shoppers; among cups that are
listed today, which are not in the bundle and get their vectors from `embed_new`; and for
shoppers with three events, who are not in the bundle either and are folded in.

Shown is how many of the ten agree with the taste, beside chance, popularity and someone who knows
the planted taste. Seeds 11 and 12 are for choosing settings, 101 and above for the test.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.data.worlds import snapshot_of
from benchmarks.harness import Arguments, Bench, Kind, measure, text
from graphdb import SCHEMA
from graphdb.schema_types import OCCURRED_AT, SOURCE_ID, TARGET_ID, EdgeType
from graphdb.sources.opening import arrow_tables
from graphdb.sources.synthetic import Truth, World, WorldConfig, generate_world
from graphrec import Filters, Recommender
from graphrec.query.fold_in import Event
from training.config import TrainConfig
from training.training_run import train

K = 10
DIMENSIONS = ("level", "style", "function", "trend", "brand")
SCENARIOS = ("shoppers", "cups listed today", "three events")
CUPS = Filters(categories="Water cups")
KINDS = {
    "graphrec": Kind.OURS,
    "popularity": Kind.BASELINE,
    "chance": Kind.REFERENCE,
    "who knows the taste": Kind.REFERENCE,
}
RELATED = ("ALSO_BOUGHT", "ALSO_VIEWED", "BOUGHT_TOGETHER")
BOUGHT = ("User", "Product")

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CupWorld:
    """A world, and what of it the model must not see, as rows of its tables.

    Args:
        listed_today: A quarter of the cups.
        shoppers: Users who bought other things, whose events with cups are hidden.
        new_users: Users with three events, hidden altogether.
    """

    world: World
    listed_today: Rows
    shoppers: Rows
    new_users: Rows

    @classmethod
    def of(cls, seed: int) -> "CupWorld":
        config = WorldConfig(num_edges=200_000, num_products=2000, light_share=0.1, seed=seed)
        world = generate_world(config)
        rng = np.random.default_rng(seed)
        cups, light = world.truth.products.cups, world.truth.users.light
        bought = world.edges[SCHEMA.edge_type("PURCHASED")]
        others = ~np.isin(rows_of(bought[TARGET_ID]), cups)  # these show a taste
        usual = np.setdiff1d(rows_of(bought[SOURCE_ID])[others], np.flatnonzero(light))
        return cls(
            world,
            np.sort(rng.permutation(cups)[: len(cups) // 4]),
            np.sort(rng.permutation(usual)[: len(usual) // 3]),
            np.flatnonzero(light),
        )

    @property
    def on_offer(self) -> Rows:
        """The cups that the model knows."""
        return np.setdiff1d(self.world.truth.products.cups, self.listed_today)

    def snapshot(self, folder: Path) -> Path:
        """Everything that may be seen, as a snapshot."""
        world = self.world
        kept = {
            "Product": without(world.nodes["Product"], self.listed_today),
            "User": without(world.nodes["User"], self.new_users),
        }
        edges = {
            edge_type: table.filter(pa.array(self._is_seen(edge_type, table)))
            for edge_type, table in world.edges.items()
        }
        tables = arrow_tables({**world.nodes, **kept}, "cups") + arrow_tables(edges, "cups")
        return snapshot_of(tables, folder, strict=True).folder

    def _is_seen(self, edge_type: EdgeType, table: pa.Table) -> npt.NDArray[np.bool_]:
        hidden = {"Product": self.listed_today, "User": self.new_users}
        cups = self.world.truth.products.cups
        seen = np.ones(table.num_rows, dtype=np.bool_)
        rows = {}
        for node_type, name in ((edge_type.source, SOURCE_ID), (edge_type.target, TARGET_ID)):
            if node_type in hidden:
                rows[name] = rows_of(table[name])
                seen &= ~np.isin(rows[name], hidden[node_type])
        if edge_type[::2] == BOUGHT:
            seen &= ~(np.isin(rows[SOURCE_ID], self.shoppers) & np.isin(rows[TARGET_ID], cups))
        if edge_type.relation in RELATED:  # found in events that are hidden
            seen &= ~(np.isin(rows[SOURCE_ID], cups) | np.isin(rows[TARGET_ID], cups))
        return seen


def rows_of(ids: pa.ChunkedArray) -> Rows:
    """The rows that ids such as 'p0012' stand for."""
    return pc.cast(pc.utf8_slice_codeunits(ids, 1), pa.int64()).to_numpy()


def without(table: pa.Table, rows: Rows) -> pa.Table:
    return table.filter(pa.array(~np.isin(np.arange(table.num_rows), rows)))


def product_rows(ids: Sequence[str]) -> Rows:
    return np.array([int(one[1:]) for one in ids], dtype=np.int64)


def lists(cups: CupWorld, recommender: Recommender) -> dict[str, tuple[Rows, Rows]]:
    """Per scenario the users who were asked for, and ten product rows for each."""
    users = cups.world.nodes["User"].column(0).to_pylist()
    answers = recommender.recommend_many(
        "User", [users[row] for row in cups.shoppers], "Product", k=K, filters=CUPS
    )
    found = {"shoppers": (cups.shoppers, np.array([product_rows(one.ids) for one in answers]))}
    vectors = np.stack([encoded(cups, recommender, row) for row in cups.listed_today])
    rows = [recommender.bundle.row_of("User", users[row]) for row in cups.shoppers]
    best = np.argsort(-(recommender.bundle.vectors("User")[rows] @ vectors.T), axis=1)[:, :K]
    found["cups listed today"] = (cups.shoppers, cups.listed_today[best])
    histories = {row: events for row, events in events_of(cups, recommender).items() if events}
    folded = [
        recommender.products_for_events(events, k=K, filters=CUPS).ids
        for events in histories.values()
    ]
    found["three events"] = (np.array(list(histories)), np.array(list(map(product_rows, folded))))
    return found


def encoded(cups: CupWorld, recommender: Recommender, product: int) -> npt.NDArray[np.float32]:
    """The vector of a cup that is listed today, from what its catalogue entry says."""
    rule = recommender.bundle.manifest.cold_start["Product"]
    product_id = cups.world.nodes["Product"].column(0)[product]
    neighbors = {}
    for edge_type, table in cups.world.edges.items():
        says = edge_type.source == "Product" != edge_type.target
        if says and str(edge_type) in rule.edge_types:
            own = table.filter(pc.equal(table[SOURCE_ID], product_id))
            neighbors[str(edge_type)] = own[TARGET_ID].to_pylist()
    return recommender.embed_new("Product", neighbors)


def events_of(cups: CupWorld, recommender: Recommender) -> dict[int, list[Event]]:
    """What the new users viewed and bought of what the bundle holds."""
    known = set(recommender.bundle.ids("Product").to_pylist())
    found: dict[int, list[Event]] = {row: [] for row in cups.new_users.tolist()}
    for edge_type, table in cups.world.edges.items():
        if edge_type[::2] == BOUGHT and edge_type.relation in ("VIEWED", "PURCHASED"):
            users = rows_of(table[SOURCE_ID])
            own = pa.array(np.isin(users, cups.new_users))
            columns = (table[name].filter(own).to_pylist() for name in (TARGET_ID, OCCURRED_AT))
            for user, product_id, at in zip(users[own.to_numpy(False)], *columns, strict=True):
                if product_id in known:
                    found[user].append((edge_type.relation, product_id, at))
    return found


def agreement(truth: Truth, users: Rows, shown: Rows) -> npt.NDArray[np.float64]:
    """Per dimension the share of what is shown that agrees with the taste of whom it is shown."""
    return np.array([agrees(truth, name, users, shown).mean() for name in DIMENSIONS])


def agrees(truth: Truth, dimension: str, users: Rows, shown: Rows) -> npt.NDArray[np.bool_]:
    """Bool [num_users, num_shown]; of the two favourite brands either will do."""
    has = getattr(truth.products, dimension)[shown]
    if dimension == "brand":
        likes = truth.users.tastes.brands[users]
        return (has[:, :, None] == likes[:, None, :]).any(axis=2)
    likes = getattr(truth.users.tastes, dimension)[users]
    return has == likes[:, None]


def yardsticks(
    cups: CupWorld, recommender: Recommender, users: Rows, candidates: Rows
) -> Mapping[str, npt.NDArray[np.float64]]:
    """The same for lists that are drawn, popular, or made by someone who knows the taste."""
    truth = cups.world.truth
    every = np.tile(candidates, (len(users), 1))
    popular = recommender.products_for_user(
        "nobody", k=K, filters=CUPS, on_unknown="popular", exclude_seen=False
    )
    fitting = sum(agrees(truth, name, users, every).astype(int) for name in DIMENSIONS)
    planted = candidates[np.argsort(-fitting, axis=1, kind="stable")[:, :K]]
    of_popular = np.tile(product_rows(popular.ids), (len(users), 1))
    return {
        "chance": agreement(truth, users, every),
        "popularity": agreement(truth, users, of_popular),
        "who knows the taste": agreement(truth, users, planted),
    }


def measured(
    cups: CupWorld, recommender: Recommender
) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """Per scenario and way to make lists the agreement in every dimension."""
    found = {}
    for scenario, (users, shown) in lists(cups, recommender).items():
        is_new = scenario == "cups listed today"
        candidates = cups.listed_today if is_new else cups.on_offer
        figures = dict(yardsticks(cups, recommender, users, candidates))
        if is_new:
            del figures["popularity"]  # nobody has bought one yet
        found[scenario] = {**figures, "graphrec": agreement(cups.world.truth, users, shown)}
    return found


def trained(cups: CupWorld, folder: Path, config: TrainConfig | None = None) -> Recommender:
    report = train(cups.snapshot(folder), folder / "bundle", config=config, holdout_days=None)
    return Recommender(report.bundle)


def arguments(arguments: Arguments) -> None:
    arguments.seeds(101)


def run(bench: Bench) -> None:
    table = bench.table(
        f"{K} cups: share that agrees with the planted taste",
        *map(text, ("scenario", "lists")),
        *(measure(name, 3, "higher") for name in DIMENSIONS),
        group_by="scenario",
    )
    seeds = bench.options.seeds
    for seed in seeds:
        cups = CupWorld.of(seed)
        with tempfile.TemporaryDirectory() as folder:
            for scenario, ways in measured(cups, trained(cups, Path(folder))).items():
                for way, figures in ways.items():
                    row = f"{scenario}, seed {seed}" if len(seeds) > 1 else scenario
                    table.add(row, way, *figures.tolist(), kind=KINDS[way])
