"""Products that training never saw: python scripts/bench_cold_start.py --data DATA.

A tenth of the products that anyone bought is hidden, with all their purchases and edges, models
learn from the rest, and a bundle is written. Then each hidden product gets its vector by
`Recommender.embed_new`, from the edges that it still has: brand, categories, related products.
Edges that came from purchases are left out.

`--data` is the folder that holds Amazon Beauty (see scripts/bench_data), `--snapshot` one of
Complete Journey, such as the demo writes to .demo/snapshot; either or both. With `--validate`, a
part of the training data is held out and measured instead of the test part: the way to choose
settings.

Two questions: which hidden products a user bought in the held-out part, and which in the training
part; the model saw neither. Beside it stand chance and plain rules; see scripts/cold_start.
"""

import argparse
import platform
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from cold_start.cases import Case, data_options, edges_of, opened
from cold_start.encoding import encoded, released
from cold_start.hiding import Rows, drawn, hidden_from, neighbors
from cold_start.measures import Asked, Found, Given, K, Rivalry, rivalry
from cold_start.rules import named, shelf_rules
from rich.console import Console
from rich.table import Table

from graphrec.adjacency import outward
from training.data import HeteroData
from training.encoders import Encoder, GraphEncoder, SvdEncoder, Vectors
from training.evaluation.metrics import VectorScorer
from training.gnn.trainer import Epoch
from training.models import beside_network
from training.pairs import adjacency

MODELS = ("svd", "graph", "concat")


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    console = Console(width=None if Console().is_terminal else 150)
    for case in opened(options):
        console.print(table_of(case, options, console))


def table_of(case: Case, options: argparse.Namespace, console: Console) -> Table:
    product = case.target_edge_type.target
    hidden = drawn(case.graph, case.target_edge_type, options.share, options.seed)
    graph = hidden_from(case.graph, product, hidden)
    asked = Asked.of(case, hidden)
    table = headed(
        f"{case.name}, {'validation' if options.validate else 'test'} part, "
        f"{len(hidden):,} products hidden with {asked.before.num_edges:,} purchases; "
        f"{asked.later.num_edges:,} more held out; "
        f"seed {options.seed}, {date.today()}, "
        f"{options.threads} threads of {platform.processor() or platform.machine()}"
    )
    by_chance = asked.by_chance()
    table.add_row("chance", *cells(by_chance, by_chance))
    for name, scores in rules(case, graph, hidden).items():
        table.add_row(name, *cells(asked.found(Given(scores)), by_chance))
    near_by = {edge: neighbors(case.graph, edge, product, hidden) for edge in edges_of(case)}
    for name, vectors, seconds in fitted(case, graph, options, console):
        console.print(f"{case.name}, {name}: learned in {seconds:.0f} s")
        with TemporaryDirectory(prefix="cold-start-") as scratch:
            bundle = released(
                Path(scratch) / "bundle",
                graph,
                vectors,
                case.schema,
                case.target_edge_type,
                case.config,
            )
            console.print(bundle.manifest.cold_start[product].model_dump())
            new, untold = encoded(bundle, product, hidden, near_by)
        if untold:
            console.print(f"{name}: nothing is known of {untold} hidden products")
        users = torch.from_numpy(vectors[case.target_edge_type.source])
        found = asked.found(VectorScorer(users, torch.from_numpy(new)))
        among_all = rivalry(case, vectors, hidden, new)
        table.add_row(f"embed_new, {name}", *cells(found, by_chance, among_all))
    return table


def rules(case: Case, graph: HeteroData, hidden: Rows) -> dict[str, torch.Tensor]:
    """The scores of the plain rules, from what was bought of the other products."""
    product = case.target_edge_type.target
    bought = adjacency(graph, case.target_edge_type)
    near_by = {edge: neighbors(case.graph, edge, product, hidden) for edge in edges_of(case)}
    groups = {edge: pairs for edge, pairs in near_by.items() if edge.source != edge.target}
    related = [pairs for edge, pairs in near_by.items() if edge.source == edge.target]
    members = {edge: outward(adjacency(graph, edge), edge, product) for edge in groups}
    found = shelf_rules(bought, members, groups)
    if related:
        found["bought what is related to it"] = named(bought, related)
    return found


def fitted(
    case: Case, graph: HeteroData, options: argparse.Namespace, console: Console
) -> Iterator[tuple[str, Vectors, float]]:
    """The vectors of every model that was asked for, and the seconds that they took."""

    def tell(epoch: Epoch) -> None:
        console.print(f"epoch {epoch.number}: loss {epoch.loss:.3f}, {epoch.seconds:.1f} s")

    encoders: dict[str, Encoder] = {
        "svd": SvdEncoder(case.schema, case.target_edge_type, case.config.svd),
        "graph": GraphEncoder(case.schema, case.config.graph, on_epoch=tell),
    }
    kept: dict[str, tuple[Vectors, float]] = {}
    for name, encoder in encoders.items():
        if name in options.models or "concat" in options.models:
            began = time.perf_counter()
            vectors = encoder.fit(graph)
            kept[name] = vectors, time.perf_counter() - began
            if name in options.models:
                yield name, *kept[name]
    if "concat" in options.models:
        (first, first_s), (second, second_s) = kept["svd"], kept["graph"]
        joined = beside_network(first, second, case.target_edge_type, case.config.balance)
        yield f"both, {case.config.balance:g} to 1", joined, first_s + second_s


def headed(title: str) -> Table:
    table = Table(title=title, header_style="bold")
    table.add_column("rule")
    for part in ("held out", "before"):
        for heading in (f"recall@{K}", f"ndcg@{K}", "to chance"):
            table.add_column(f"{part}\n{heading}", justify="right")
    for heading in ("hidden", "others", "others' loss"):
        table.add_column(f"among all\n{heading}", justify="right")
    return table


def cells(
    found: tuple[Found, Found], by_chance: tuple[Found, Found], among_all: Rivalry | None = None
) -> list[str]:
    texts = []
    for one, random in zip(found, by_chance, strict=True):
        texts += [f"{one.recall:.4f}", f"{one.ndcg:.4f}", f"{one.recall / random.recall:.1f} x"]
    if among_all:
        texts += [f"{among_all.hidden:.4f}", f"{among_all.warm:.4f}", f"{among_all.loss:.1%}"]
    return texts


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data_options(parser)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--share", type=float, default=0.1, help="of bought products, hidden")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if not (options.data or options.snapshot):
        parser.error("give --data, --snapshot or both")
    return options


if __name__ == "__main__":
    main()
