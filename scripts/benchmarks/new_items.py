"""Are products found that training never saw, by their brand, categories and related products?

A tenth of the products that anyone bought is hidden, with all their purchases and edges, models
learn from the rest, and a bundle is written. Then each hidden product gets its vector by
`Recommender.embed_new`, from the edges that it still has: brand, categories, related products.
Edges that came from purchases are left out.

`--data` is the folder that holds Amazon Beauty (see scripts/benchmarks/data), `--snapshot` one of
Complete Journey, such as the demo writes to .demo/snapshot; either or both. With `--validate`, a
part of the training data is held out and measured instead of the test part: the way to choose
settings.

Two questions: which hidden products a user bought in the held-out part, and which in the training
part; the model saw neither. Beside it stand chance and plain rules; see
scripts/benchmarks/cold_start.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.cold_start.cases import Case, cases, edge_types_beside
from benchmarks.cold_start.encoding import encoded, released
from benchmarks.cold_start.hiding import Rows, drawn, hidden_from, near
from benchmarks.cold_start.measures import Asked, Found, Given, K, Rivalry, rivalry
from benchmarks.cold_start.rules import group_rules, named
from benchmarks.harness import Arguments, Bench, Kind, Table, measure, text
from benchmarks.models import ENCODERS, learned_by
from graphrec.adjacency import outward
from training.data import HeteroData
from training.evaluation.metrics import VectorScorer
from training.pairs import adjacency


def arguments(arguments: Arguments) -> None:
    arguments.add("--data", type=Path, help="folder that holds amazon-beauty")
    arguments.add("--snapshot", type=Path, help="of Complete Journey, such as the demo's")
    arguments.validate("measure on a part of train")
    arguments.add(
        "--exclude-related",
        action="store_true",
        help="learn without edges that purchases may have made",
    )
    arguments.add("--models", nargs="+", default=list(ENCODERS), choices=ENCODERS)
    arguments.add("--share", type=float, default=0.1, help="of bought products, hidden")
    arguments.threads(2)


def run(bench: Bench) -> None:
    if not (bench.options.data or bench.options.snapshot):
        bench.refuse("give --data, --snapshot or both")
    for case in cases(bench.options):
        measure_on(case, bench)


def measure_on(case: Case, bench: Bench) -> None:
    options, product = bench.options, case.target_edge_type.target
    hidden = drawn(case.graph, case.target_edge_type, options.share, options.seed)
    graph = hidden_from(case.graph, product, hidden)
    asked = Asked.of(case, hidden)
    part = "validation" if options.validate else "test"
    table = empty_table(f"{case.name}, {part} part", bench)
    bench.note(
        f"{case.name}: {len(hidden):,} products hidden with {asked.before.num_edges:,} purchases; "
        f"{asked.later.num_edges:,} more held out"
    )
    by_chance = asked.by_chance()
    table.add("chance", *cells(by_chance, by_chance), kind=Kind.REFERENCE)
    for name, scores in rules(case, graph, hidden).items():
        table.add(name, *cells(asked.found(Given(scores)), by_chance), kind=Kind.BASELINE)
    near_by = {one: near(case.graph, one, product, hidden) for one in edge_types_beside(case)}
    for learned in learned_by(
        options.models, graph, case.schema, case.target_edge_type, case.config, bench.say
    ):
        if learned.model not in options.models:
            continue
        name, vectors = learned.label, learned.vectors
        bench.say(f"{case.name}, {name}: learned in {learned.seconds:.0f} s")
        with TemporaryDirectory(prefix="cold-start-") as scratch:
            bundle = released(
                Path(scratch) / "bundle",
                graph,
                vectors,
                case.schema,
                case.target_edge_type,
                case.config,
            )
            bench.say(bundle.manifest.cold_start[product].model_dump())
            new, unknown = encoded(bundle, product, hidden, near_by)
        if unknown:
            bench.note(f"{name}: nothing is known of {unknown} hidden products")
        users = torch.from_numpy(vectors[case.target_edge_type.source])
        found = asked.found(VectorScorer(users, torch.from_numpy(new)))
        among_all = rivalry(case, vectors, hidden, new)
        bench.say(*table.add(f"embed_new, {name}", *cells(found, by_chance, among_all)))


def rules(case: Case, graph: HeteroData, hidden: Rows) -> dict[str, torch.Tensor]:
    """The scores of the plain rules, from what was bought of the other products."""
    product = case.target_edge_type.target
    bought = adjacency(graph, case.target_edge_type)
    near_by = {
        edge_type: near(case.graph, edge_type, product, hidden)
        for edge_type in edge_types_beside(case)
    }
    groups = {
        edge_type: pairs
        for edge_type, pairs in near_by.items()
        if edge_type.source != edge_type.target
    }
    related = [
        pairs for edge_type, pairs in near_by.items() if edge_type.source == edge_type.target
    ]
    members = {
        edge_type: outward(adjacency(graph, edge_type), edge_type, product) for edge_type in groups
    }
    found = group_rules(bought, members, groups)
    if related:
        found["bought what is related to it"] = named(bought, related)
    return found


def empty_table(title: str, bench: Bench) -> Table:
    columns = [text("rule")]
    for part in ("held out", "before"):
        columns += [
            measure(f"{part}, recall@{K}", 4, "higher"),
            measure(f"{part}, NDCG@{K}", 4, "higher"),
            measure(f"{part}, times chance", 1),
        ]
    names = ("recall of hidden among all", "recall of others", "loss of others, %")
    return bench.table(title, *columns, *map(measure, names, (4, 4, 1)))


def cells(
    found: tuple[Found, Found], by_chance: tuple[Found, Found], among_all: Rivalry | None = None
) -> list[float]:
    values = []
    for one, random in zip(found, by_chance, strict=True):
        values += [one.recall, one.ndcg, one.recall / random.recall]
    if among_all:
        values += [among_all.hidden, among_all.warm, 100 * among_all.loss]
    return values
