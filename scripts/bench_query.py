"""Queries over many products, beside other ways: python scripts/bench_query.py [--keep FOLDER].

Single questions for ten products: each has a policy mask (one product in a thousand is blocked),
a filter that lets a share of the products pass, and 30 products that the user has seen. Masks are
combined within the time that is measured. Every way answers on one thread, as a server that answers
several users at once would; run it with OMP_NUM_THREADS=1. 'cpu' is processor time, which other
work on the machine disturbs less than the clock.

With --like USERS.npy PRODUCTS.npy the products are grown from trained vectors instead of drawn.
With --keep, the graph of FAISS HNSW, which takes long to build, is kept in that folder.
With --neo4j, Neo4j's vector index in a server of its own stands beside them; it is built and asked
through the driver, so use it with --products 100000.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
from bench_query_neo4j import MOST_PRODUCTS, served
from bench_vectors import grown, trained_like
from rich.console import Console
from rich.table import Table

from graphrec.query.embeddings import EmbeddingMatrix
from graphrec.query.index.base import IndexConfig, ServedIndex
from graphrec.query.index.build import Exam, exact_index
from graphrec.query.index.orders import order_of
from graphrec.query.planner import Plan
from graphrec.query.propose import Similarity
from graphrec.query.topk import planned_top_k

K = 10
SHARES = (1.0, 0.1, 0.01, 0.001)
NUM_SEEN = 30
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What every way is asked."""

    users: EmbeddingMatrix
    products: EmbeddingMatrix
    policy: Mask
    filters: dict[float, Mask]
    seen: Rows  # [num_users, NUM_SEEN]


Answer = Callable[[int, Mask], Rows]
"""The best K products, or fewer, for one user of a world under a filter."""


def main() -> None:
    options = parsed()
    faiss.omp_set_num_threads(1)
    console = Console(width=None if Console().is_terminal else 130)
    world = world_of(options)
    index = index_of(world, options, console)
    truth = {share: exact(world, mask) for share, mask in world.filters.items()}
    table = Table(
        title=f"{len(world.products):,} products x {world.products.dim}, k {K}, seed "
        f"{options.seed}, {date.today()}, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}, "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        header_style="bold",
    )
    for heading in ("way", "pass"):
        table.add_column(heading)
    for heading in (
        "p50 ms", "p99 ms", "cpu p50", "cpu p99", "recall@10", "per s", "to NumPy",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    single: dict[tuple[str, float], Timed] = {}
    with ExitStack() as opened:
        for way, answer, questions in ways(world, index, options, console, opened):
            for share, mask in world.filters.items():
                timed = measure(answer, mask, questions, truth[share])
                single[way, share] = timed
                ratio = timed.per_second / single["NumPy", share].per_second
                table.add_row(way, f"{share:.1%}", *timed.cells(), f"{ratio:.1f} x")
                console.print(f"{way}, {share:.1%}: {' '.join(timed.cells())}")
    console.print(table)
    plans(world, index, console)
    batches(world, index, single, console)


def world_of(options: argparse.Namespace) -> World:
    if options.like:
        users, few = (np.load(path) for path in options.like)
        users = users[users.any(axis=1)][: options.users]
        products = grown(few[few.any(axis=1)], options.products, options.seed)
    else:
        users, products = trained_like(options.products, options.users, 128, options.seed)
    random = np.random.default_rng(options.seed + 1)
    size = len(products)
    return World(
        EmbeddingMatrix.of(users),
        EmbeddingMatrix.of(products),
        random.random(size) >= 0.001,
        {share: random.random(size) < share for share in SHARES},
        random.integers(0, size, (len(users), NUM_SEEN)),
    )


def index_of(world: World, options: argparse.Namespace, console: Console) -> ServedIndex:
    """The index that `build_index` would write for these vectors, measured likewise."""
    began = time.perf_counter()
    config = IndexConfig(seed=options.seed)
    order = order_of("Product", Similarity.DOT, {"User": world.users}, world.products, config)
    index, entry = exact_index(order, Exam.of(order, np.random.default_rng(options.seed)))
    console.print(f"index built and measured in {time.perf_counter() - began:.0f} s")
    for one in entry.measured:
        read = one.read_in_line + one.read_at_random
        console.print(
            f"k {one.k}, {one.share:.0%} pass: recall {one.recall:.4f}, width {entry.width}, "
            f"reads {read / world.products.vectors.size:.2%} of all numbers"
        )
    return ServedIndex(index, entry, 0.99)


def exact(world: World, mask: Mask, num: int = 200) -> Rows:
    rows, _, _ = planned_top_k(
        world.users, np.arange(num), world.products, k=K,
        mask=mask & world.policy, excluded=world.seen[:num],
    )  # fmt: skip
    return rows


@dataclass(frozen=True, slots=True)
class Timed:
    wall_ms: npt.NDArray[np.float64]
    cpu_ms: npt.NDArray[np.float64]
    recall: float

    @property
    def per_second(self) -> float:
        return float(1e3 / self.wall_ms.mean())

    def cells(self) -> list[str]:
        quantiles = [
            f"{np.quantile(values, q):.2f}"
            for values in (self.wall_ms, self.cpu_ms)
            for q in (0.5, 0.99)
        ]
        return [*quantiles, f"{self.recall:.4f}", f"{self.per_second:,.0f}"]


def measure(answer: Answer, mask: Mask, questions: int, truth: Rows) -> Timed:
    answer(0, mask)  # what is done once is not measured
    wall, cpu, hits, wanted = [], [], 0, 0
    for user in range(questions):
        began, cpu_began = time.perf_counter(), time.thread_time()
        rows = answer(user, mask)
        wall.append(time.perf_counter() - began)
        cpu.append(time.thread_time() - cpu_began)
        if user < len(truth):
            best = truth[user][truth[user] >= 0]
            hits += len(np.intersect1d(rows, best))
            wanted += len(best)
    return Timed(np.array(wall) * 1e3, np.array(cpu) * 1e3, hits / wanted)


def ways(
    world: World,
    index: ServedIndex,
    options: argparse.Namespace,
    console: Console,
    opened: ExitStack,
) -> Iterator[tuple[str, Answer, int]]:
    """Name, answer and how many questions are asked."""
    slow, fast = options.questions // 10, options.questions
    vectors, users = world.products.vectors, world.users.vectors

    def planned(served: ServedIndex | None) -> Answer:
        def answer(user: int, mask: Mask) -> Rows:
            rows, _, _ = planned_top_k(
                world.users, np.array([user]), world.products, k=K, mask=mask & world.policy,
                excluded=[world.seen[user]], index=served,
            )  # fmt: skip
            return rows[0]

        return answer

    def numpy(user: int, mask: Mask) -> Rows:
        scores = vectors @ users[user]
        scores[~(mask & world.policy)] = -np.inf
        scores[world.seen[user]] = -np.inf
        best = np.argpartition(scores, len(scores) - K)[-K:]
        return best[np.argsort(-scores[best])]

    yield "NumPy", numpy, slow
    yield "graphrec", planned(index), fast
    yield "graphrec, no index", planned(None), slow
    if not options.no_faiss:
        yield from ways_of_faiss(world, options, console)
    if options.neo4j:
        yield from ways_of_neo4j(world, options, console, opened)


def ways_of_faiss(
    world: World, options: argparse.Namespace, console: Console
) -> Iterator[tuple[str, Answer, int]]:
    slow, fast = options.questions // 10, options.questions
    vectors, users = world.products.vectors, world.users.vectors
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)

    def faiss_flat(user: int, mask: Mask, flat: faiss.IndexFlatIP = flat) -> Rows:
        allowed = mask & world.policy
        allowed[world.seen[user]] = False
        bits = np.packbits(allowed, bitorder="little")
        selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        settings = faiss.SearchParameters(sel=selector)
        return flat.search(users[user : user + 1], K, params=settings)[1][0]

    yield "FAISS flat", faiss_flat, slow
    flat.reset()
    graph = hnsw_of(vectors, options, console)
    for width in (200, 2_000):
        settings = faiss.SearchParametersHNSW(efSearch=width)

        def filtered_after(
            user: int,
            mask: Mask,
            width: int = width,
            settings: faiss.SearchParametersHNSW = settings,
        ) -> Rows:
            found = graph.search(users[user : user + 1], width, params=settings)[1][0]
            found = found[mask[found] & world.policy[found]]
            return found[~np.isin(found, world.seen[user])][:K]

        yield f"FAISS HNSW, {width} then filtered", filtered_after, max(fast // 4, 1)


def ways_of_neo4j(
    world: World, options: argparse.Namespace, console: Console, opened: ExitStack
) -> Iterator[tuple[str, Answer, int]]:
    names = {id(mask): f"pass_{number}" for number, mask in enumerate(world.filters.values())}
    filters = dict(zip(names.values(), world.filters.values(), strict=True))
    server, seconds = opened.enter_context(
        served(world.users, world.products, world.policy, filters)
    )
    console.print(f"Neo4j's index built in {seconds:.0f} s")
    for width in (200, 2_000):

        def filtered_after(user: int, mask: Mask, width: int = width) -> Rows:
            return server.best(user, names[id(mask)], world.seen[user], width, K)

        yield f"Neo4j, {width} then filtered", filtered_after, max(options.questions // 10, 1)


def hnsw_of(
    vectors: npt.NDArray[np.float32], options: argparse.Namespace, console: Console
) -> faiss.IndexHNSWFlat:
    """FAISS's graph, M 16 and efConstruction 100; from the folder where it is there."""
    name = f"hnsw-{len(vectors)}x{vectors.shape[1]}-seed{options.seed}.faiss"
    path = None if options.keep is None or options.like else options.keep / name
    if path is not None and path.is_file():
        return faiss.read_index(str(path))
    began = time.perf_counter()
    graph = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = 100
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    graph.add(vectors)
    faiss.omp_set_num_threads(1)
    console.print(f"HNSW built in {time.perf_counter() - began:.0f} s")
    if path is not None:
        faiss.write_index(graph, str(path))
    return graph


def plans(world: World, index: ServedIndex, console: Console) -> None:
    """What the planner chose and why."""
    for share, mask in world.filters.items():
        *_, plan = planned_top_k(
            world.users, np.arange(1), world.products, k=K, mask=mask & world.policy, index=index
        )
        console.print(f"{share:.1%}: {plan.method}; {plan.reason}")


def batches(
    world: World,
    index: ServedIndex,
    single: dict[tuple[str, float], Timed],
    console: Console,
) -> None:
    """A thousand users at once, by one thread and by two that take half each."""
    table = Table(title="1,000 users at once", header_style="bold")
    for heading in (
        "pass",
        "way",
        "threads",
        "ms",
        "users per s",
        "to one by one",
        "cpu ms",
        "to one by one",
    ):
        table.add_column(heading, justify="right")

    for share, mask in world.filters.items():
        allowed = mask & world.policy

        def ask(users: Rows, allowed: Mask = allowed) -> Plan:
            *_, plan = planned_top_k(
                world.users, users, world.products, k=K, mask=allowed,
                excluded=[world.seen[user] for user in users], index=index,
            )  # fmt: skip
            return plan

        for threads in (1, 2):
            parts = np.array_split(np.arange(1_000), threads)
            seconds, cpu = [], []
            for _ in range(5):
                began, cpu_began = time.perf_counter(), time.process_time()
                with ThreadPoolExecutor(threads) as pool:
                    plan = next(iter(pool.map(ask, parts)))
                seconds.append(time.perf_counter() - began)
                cpu.append(time.process_time() - cpu_began)
            one_by_one = single["graphrec", share]
            rate = 1_000 / np.median(seconds)
            cpu_ratio = one_by_one.cpu_ms.mean() / np.median(cpu)
            table.add_row(
                f"{share:.1%}", plan.method, f"{threads}", f"{np.median(seconds) * 1e3:.0f}",
                f"{rate:,.0f}", f"{rate / one_by_one.per_second:.1f} x",
                f"{np.median(cpu) * 1e3:.0f}", f"{cpu_ratio:.1f} x",
            )  # fmt: skip
    console.print(table)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--like", type=Path, nargs=2, metavar=("USERS", "PRODUCTS"))
    parser.add_argument("--keep", type=Path, help="a folder for what takes long to build")
    parser.add_argument("--no-faiss", action="store_true", help="leave out FAISS flat and HNSW")
    parser.add_argument("--neo4j", action="store_true", help="and Neo4j's vector index")
    options = parser.parse_args()
    if options.neo4j and options.products > MOST_PRODUCTS:
        parser.error(f"--neo4j takes at most --products {MOST_PRODUCTS}")
    return options


if __name__ == "__main__":
    main()
