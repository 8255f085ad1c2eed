"""How many files a question, a row and a training step pass: python scripts/trace_files.py.

A file counts where one of its functions runs. Everything is done once before, so that what is read
and worked out only the first time does not count for a question.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from graphdb.ingestion import ingest
from graphdb.snapshot import open_snapshot, write_snapshot
from graphdb.sources import open_source
from graphdb.stores import open_store
from graphrec import Recommender
from training.config import load_config, preset_path
from training.data import load_graph
from training.gnn import HeteroLightGCN, relation_operators
from training.gnn.supervision import supervised_edge_types, supervised_edges
from training.gnn.trainer import Trainer
from training.training_run import train

ROOT = Path(__file__).parents[1]
PACKAGES = tuple(str(ROOT / name) + "/" for name in ("graphdb", "graphrec", "training"))


def passed(act: Callable[[], object]) -> list[str]:
    """The files of which a function runs, in the order in which they are first reached."""
    found: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGES):
            found[str(Path(frame.f_code.co_filename).relative_to(ROOT))] = None

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return list(found)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {"a row of a table, to the tensors": row(folder)}
        found["a question, products for a user"] = question(folder)
        found["a training step of the graph model"] = step(folder)
    table = Table(title="Files passed", title_justify="left")
    for heading in ("what", "files", "which"):
        table.add_column(heading)
    for what, files in found.items():
        table.add_row(what, str(len(files)), " ".join(files))
    Console(width=160).print(table)


def row(folder: Path) -> list[str]:
    """From the CSV files of the example shop to the tensors."""

    def act() -> None:
        with open_store(str(folder / "store.duckdb")) as store:
            ingest(open_source(str(ROOT / "docs/examples/home-shop"), store.schema), store)
            write_snapshot(store, folder / "snapshot")
        load_graph(open_snapshot(folder / "snapshot"))

    return passed(act)


def question(folder: Path) -> list[str]:
    bundle = train(folder / "snapshot", folder / "bundle", holdout_days=None).bundle
    recommender = Recommender(bundle)
    user = bundle.ids("User")[0].as_py()
    recommender.products_for_user(user)
    return passed(lambda: recommender.products_for_user(user))


def step(folder: Path) -> list[str]:
    """One epoch of one batch; what is built before, and kept after it, does not count."""
    schema, graph = (snapshot := open_snapshot(folder / "snapshot")).schema, load_graph(snapshot)
    config = load_config(preset_path("default")).graph
    names = supervised_edge_types(graph, schema, config, schema.edge_type("PURCHASED"))
    supervised = [
        supervised_edges(graph, schema, name, weight, config) for name, weight in names.items()
    ]
    num_nodes = {name: graph[name].num_nodes for name in graph.node_types}
    messages = relation_operators(graph, schema, config)
    model = HeteroLightGCN(num_nodes, messages, dim=config.dim, num_layers=config.num_layers)
    trainer = Trainer(model, supervised, config)
    return passed(lambda: trainer.run(lambda _: False, until=1))


if __name__ == "__main__":
    main()
