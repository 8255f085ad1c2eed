"""What do short vectors lose, how small do they make a bundle, and how much faster is a scan?

SNAPSHOT is a folder that `graphrec snapshot` wrote, such as that of the demo; its last four weeks
are held out. Vectors of the default settings are turned into fewer dimensions and rounded to each
type, and measured alone, without habits. Then some sizes are served as bundles, with habits, as
`graphrec train` makes them; scans of all products by whole and by short vectors take turns. With
--data, standard sets follow, by vectors alone.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.data import DATASETS
from benchmarks.data.weeks import Weeks, held_out_weeks
from benchmarks.harness import Arguments, Bench, Kind, measure, text
from graphrec.bundle import Bundle, VectorType
from graphrec.bundle.short_vectors import bytes_per_node, rounded_to
from graphrec.query.embeddings import EmbeddingMatrix
from graphrec.query.topk import top_k
from training.bundling import learn
from training.compression import CompressionConfig, Rotation
from training.config import TrainConfig
from training.encoders import FittedVectors, Vectors
from training.evaluation.backtest import served_of
from training.evaluation.metrics import ndcg_at_k, recall_at_k
from training.evaluation.tasks import ALL, first_tasks
from training.models import Run, make_encoder
from training.pairs import with_columns
from training.sparse_ops import csr_of
from training.trials import KnownAnswers

K = 20
DIMS = (32, 64, 96, 128, 192, 256, 384)
TYPES: tuple[VectorType, ...] = ("float32", "float16", "int8")
STANDARD = ("gowalla", "yelp2018", "amazon-beauty")
SERVED: dict[str, CompressionConfig] = {
    "whole, float32": CompressionConfig(enabled=False),
    "256, float16": CompressionConfig(enabled=True, dim=256, vector_type="float16"),
    "128, int8": CompressionConfig(enabled=True, dim=128, vector_type="int8"),
}
SCANS, BATCH, ROUNDS = 100, 512, 5
MILLION = 1_000_000


def arguments(arguments: Arguments) -> None:
    arguments.snapshot()
    arguments.add("--data", type=Path, help="the folder with the standard sets")
    arguments.add("--sets", nargs="*", default=list(STANDARD), choices=STANDARD, help="which")
    arguments.threads(2)


def run(bench: Bench) -> None:
    weeks = held_out_weeks(bench.options.snapshot, validate=bench.options.validate)
    config, edge_type = TrainConfig(), weeks.holdout.edge_type
    brands = weeks.schema.edge_type("MADE_BY")
    encoder = make_encoder(weeks.schema, edge_type, config, Run())
    vectors = encoder.fit(weeks.holdout.train_graph)
    tasks = first_tasks(weeks.holdout, weeks.schema, brands)
    answers = [
        KnownAnswers(
            one.name, one.query_type, one.target_type, None, csr_of(one.target.seen), one.truth
        )
        for one in tasks
        if one.name != ALL
    ]
    curve("complete-journey", vectors, answers, K, bench)
    with tempfile.TemporaryDirectory() as folder:
        bundles = dict(served(weeks, vectors, Path(folder), bench))
        whole, *others = bundles
        for name in others:
            scans(name, bundles[whole], bundles[name], bench)
    for name in bench.options.sets if bench.options.data else ():
        data = DATASETS[name]
        split = data.read(bench.options.data / name, bench.options.validate)
        encoder = make_encoder(data.schema, data.target_edge_type, config, Run())
        asked = split.questions[0]
        rows = None if asked.candidates is None else np.flatnonzero(asked.candidates.numpy())
        taken, truth = (
            pairs if rows is None else with_columns(pairs, rows)
            for pairs in (asked.taken, asked.truth)
        )
        answers = KnownAnswers(
            "new products", asked.source, asked.target, rows, csr_of(taken), truth
        )
        curve(name, encoder.fit(split.graph), [answers], data.k, bench)


def curve(
    name: str, vectors: Vectors, answers: Sequence[KnownAnswers], k: int, bench: Bench
) -> None:
    """Recall and NDCG of every size."""
    table = bench.table(
        name,
        text("vectors"),
        measure("bytes a node", 0, "lower"),
        *(
            measure(f"{one.name}, {metric}@{k}", 4, "higher")
            for one in answers
            for metric in ("recall", "NDCG")
        ),
    )
    query_type = answers[0].query_type
    full = vectors[query_type].shape[1]
    turned = Rotation.of(vectors, query_type).turned(vectors, max(DIMS))
    most = turned[query_type].shape[1]
    for dim in (full, *(dim for dim in reversed(DIMS) if dim < most)):
        some = vectors if dim == full else {name: rows[:, :dim] for name, rows in turned.items()}
        for vector_type in TYPES:
            rounded = {name: rounded_to(rows, vector_type) for name, rows in some.items()}
            figures: list[float] = []
            for one in answers:
                reached = one.found_in(rounded, k)
                figures += [reached.recall, reached.ndcg]
            size = bytes_per_node(dim, vector_type)
            bench.say(*table.add(f"{dim}, {vector_type}", size, *figures, kind=Kind.OURS))


def served(
    weeks: Weeks, vectors: Vectors, folder: Path, bench: Bench
) -> Iterator[tuple[str, Bundle]]:
    """Bundles of some sizes; what they find, with habits, and take on disk goes into a table."""
    holdout, schema = weeks.holdout, weeks.schema
    tasks = first_tasks(holdout, schema, schema.edge_type("MADE_BY"))
    table = bench.table(
        "served, with habits",
        text("vectors"),
        *(
            measure(f"{task.name}, {metric}@{K}", 4, "higher")
            for task in tasks
            for metric in ("recall", "NDCG")
        ),
        measure("vectors, bytes a node", 0, "lower"),
        measure("all, bytes a node", 0, "lower"),
        measure("a million nodes, MB", 0, "lower"),
    )
    for number, (name, compression) in enumerate(SERVED.items()):
        config = TrainConfig(compression=compression)
        learned = learn(
            holdout.train_graph,
            schema,
            holdout.edge_type,
            config,
            Run(),
            encoder=FittedVectors(vectors),
        )
        model = served_of(folder / f"bundle-{number}", weeks.snapshot, holdout, config, learned)
        figures: list[float] = []
        for task in tasks:
            queries = np.flatnonzero(task.truth.degrees())
            ranked = model.top(task, queries, K)
            figures += [
                metric(ranked, queries, task.truth, K) for metric in (recall_at_k, ndcg_at_k)
            ]
        bundle = model.recommender.bundle
        bench.say(*table.add(name, *figures, *sizes(bundle), kind=Kind.OURS))
        yield name, bundle


def sizes(bundle: Bundle) -> tuple[float, float, float]:
    """Bytes a node on disk of vectors and of all files, and MB of a million nodes in proportion."""
    files = {path: bundle.file(path).stat().st_size for path in bundle.manifest.files}
    nodes = sum(bundle.manifest.num_nodes.values())
    everything = sum(files.values()) / nodes
    vectors = sum(size for path, size in files.items() if path.startswith("vectors/")) / nodes
    return vectors, everything, everything * MILLION / 1e6


def scans(name: str, whole: Bundle, short: Bundle, bench: Bench) -> None:
    """The 20 best of all products, by whole and by short vectors in turn."""
    table = bench.table(
        f"scan of {whole.num_nodes('Product'):,} products, {name}",
        text("queries at once"),
        measure("whole, ms a query", 3, "lower"),
        measure("short, ms a query", 3, "lower"),
        measure("times faster", 1, "higher"),
        measure("short, first use, ms", 1),
    )
    start = time.perf_counter()
    spaces = [(space(short, "User"), space(short, "Product"))]
    first_ms = (time.perf_counter() - start) * 1e3
    spaces.insert(0, (space(whole, "User"), space(whole, "Product")))
    users = np.flatnonzero(~spaces[0][0].zero)
    check_exact(*spaces[1], users[:: len(users) // 8])
    for size in (1, BATCH):
        best = [np.inf, np.inf]
        for _ in range(ROUNDS):
            for place, (queries, products) in enumerate(spaces):
                start = time.perf_counter()
                for number in range(SCANS if size == 1 else 1):
                    top_k(queries, users[number : number + size], products, k=K)
                taken_ms = (time.perf_counter() - start) * 1e3 / (SCANS if size == 1 else size)
                best[place] = min(best[place], taken_ms)
        row = table.add(str(size), *best, best[0] / best[1], first_ms, kind=Kind.OURS)
        bench.say(*row)


def space(bundle: Bundle, node_type: str) -> EmbeddingMatrix:
    return EmbeddingMatrix.of(bundle.vectors(node_type), bundle.norms(node_type))


def check_exact(
    queries: EmbeddingMatrix, products: EmbeddingMatrix, rows: npt.NDArray[np.int64]
) -> None:
    """Compares lists with those of float64 scores of all products."""
    found, _ = top_k(queries, rows, products, k=K)
    for row, mine in zip(rows, found, strict=True):
        scores = (products.vectors.astype(np.float64) * queries.vectors[row]).sum(axis=1)
        true = np.lexsort((np.arange(len(scores)), -scores))[:K]
        assert np.array_equal(mine, true)
