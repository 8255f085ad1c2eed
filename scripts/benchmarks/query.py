"""How fast are ten of a million products found under a filter, beside other indexes?

Single questions for ten products: each has a policy mask (one product in a thousand is blocked),
a filter that lets a share of the products pass, and 30 products that the user has seen. Masks are
combined within the time that is measured. Every way answers on one thread, as a server that answers
several users at once would; run it with OMP_NUM_THREADS=1. 'cpu' is processor time, which other
work on the machine disturbs less than the clock.

With --like USERS.npy PRODUCTS.npy the products are grown from trained vectors instead of drawn.
With --cache, the graph of FAISS HNSW, which takes long to build, is kept in that folder.
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
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from benchmarks.data.neo4j_vectors import MOST_PRODUCTS, served
from benchmarks.data.vectors import grown, trained_like
from benchmarks.harness import Arguments, Bench, Kind, Timer, measure, text
from graphrec.query.embeddings import EmbeddingMatrix, Similarity
from graphrec.query.index.base import IndexConfig, ServedIndex
from graphrec.query.index.build import Exam, exact_index
from graphrec.query.index.orders import order_of
from graphrec.query.topk import Plan, planned_top_k

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


def arguments(arguments: Arguments) -> None:
    arguments.add("--products", type=int, default=1_000_000)
    arguments.add("--users", type=int, default=20_000)
    arguments.add("--questions", type=int, default=1_000)
    arguments.add("--like", type=Path, nargs=2, metavar=("USERS", "PRODUCTS"))
    arguments.add("--cache", type=Path, help="a folder for what takes long to build")
    arguments.add("--no-faiss", action="store_true", help="without FAISS flat and HNSW")
    arguments.add("--neo4j", action="store_true", help="and Neo4j's vector index")
    arguments.add("--neo4j-release", choices=["5", "2026"], default="5", help="of its server")


def run(bench: Bench) -> None:
    options = bench.options
    if options.neo4j and options.products > MOST_PRODUCTS:
        bench.refuse(f"--neo4j takes at most --products {MOST_PRODUCTS}")
    faiss.omp_set_num_threads(1)
    world = world_of(options)
    index = index_of(world, bench)
    truth = {share: exact(world, mask) for share, mask in world.filters.items()}
    table = bench.table(
        f"{len(world.products):,} products x {world.products.dim}, k {K}, "
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}",
        *map(text, ("method", "pass")),
        *(measure(name, 2) for name in ("p50 ms", "p99 ms", "cpu p50", "cpu p99")),
        measure("recall@10", 4),
        measure("per s", 0, "higher"),
        measure("times NumPy", 1),
        group_by="pass",
    )
    single: dict[tuple[str, float], Timed] = {}
    with ExitStack() as opened:
        for kind, method, answer, questions in methods(world, index, bench, opened):
            for share, mask in world.filters.items():
                timed = answered(answer, mask, questions, truth[share])
                single[method, share] = timed
                ratio = timed.per_second / single["NumPy", share].per_second
                bench.say(*table.add(method, f"{share:.1%}", *timed.cells(), ratio, kind=kind))
    plans(world, index, bench)
    batches(world, index, single, bench)


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


def index_of(world: World, bench: Bench) -> ServedIndex:
    """The index that `build_index` would write for these vectors, measured likewise."""
    seed, timer = bench.options.seed, Timer()
    config = IndexConfig(seed=seed)
    order = order_of("Product", Similarity.DOT, {"User": world.users}, world.products, config)
    index, entry = exact_index(order, Exam.of(order, np.random.default_rng(seed)))
    timer.split()
    bench.note(f"index built and measured in {timer.clock.last:.0f} s")
    for one in entry.measured:
        read = one.read_in_line + one.read_at_random
        bench.note(
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
    timer: Timer
    recall: float

    @property
    def per_second(self) -> float:
        return 1 / self.timer.clock.mean

    def cells(self) -> list[float]:
        quantiles = [
            1e3 * value
            for spread in (self.timer.clock, self.timer.cpu)
            for value in (spread.median, spread.percentile(99))
        ]
        return [*quantiles, self.recall, self.per_second]


def answered(answer: Answer, mask: Mask, questions: int, truth: Rows) -> Timed:
    answer(0, mask)  # what is done once is not measured
    timer, hits, wanted = Timer(time.thread_time), 0, 0
    for user in range(questions):
        with timer:
            rows = answer(user, mask)
        if user < len(truth):
            best = truth[user][truth[user] >= 0]
            hits += len(np.intersect1d(rows, best))
            wanted += len(best)
    return Timed(timer, hits / wanted)


def methods(
    world: World, index: ServedIndex, bench: Bench, opened: ExitStack
) -> Iterator[tuple[Kind, str, Answer, int]]:
    """Kind, name, answer and how many questions are asked."""
    options = bench.options
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

    yield Kind.BASELINE, "NumPy", numpy, slow
    yield Kind.OURS, "graphrec", planned(index), fast
    yield Kind.OURS, "graphrec, no index", planned(None), slow
    if not options.no_faiss:
        yield from methods_of_faiss(world, bench)
    if options.neo4j:
        yield from methods_of_neo4j(world, bench, opened)


def methods_of_faiss(world: World, bench: Bench) -> Iterator[tuple[Kind, str, Answer, int]]:
    slow, fast = bench.options.questions // 10, bench.options.questions
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

    yield Kind.BASELINE, "FAISS flat", faiss_flat, slow
    flat.reset()
    graph = hnsw_of(vectors, bench)
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

        name = f"FAISS HNSW, {width} then filtered"
        yield Kind.BASELINE, name, filtered_after, max(fast // 4, 1)


def methods_of_neo4j(
    world: World, bench: Bench, opened: ExitStack
) -> Iterator[tuple[Kind, str, Answer, int]]:
    names = {id(mask): f"pass_{number}" for number, mask in enumerate(world.filters.values())}
    filters = dict(zip(names.values(), world.filters.values(), strict=True))
    server, seconds = opened.enter_context(
        served(world.users, world.products, world.policy, filters, bench.options.neo4j_release)
    )
    bench.note(f"Neo4j's index built in {seconds:.0f} s")
    questions = max(bench.options.questions // 10, 1)
    if bench.options.neo4j_release == "2026":

        def filtered_inside(user: int, mask: Mask) -> Rows:
            return server.search(user, names[id(mask)], world.seen[user], K)

        yield Kind.BASELINE, "Neo4j 2026, filtered inside", filtered_inside, questions
    for width in (200, 2_000):

        def filtered_after(user: int, mask: Mask, width: int = width) -> Rows:
            return server.best(user, names[id(mask)], world.seen[user], width, K)

        yield Kind.BASELINE, f"Neo4j, {width} then filtered", filtered_after, questions


def hnsw_of(vectors: npt.NDArray[np.float32], bench: Bench) -> faiss.IndexHNSWFlat:
    """FAISS's graph, M 16 and efConstruction 100; from the folder where it is there."""
    options, timer = bench.options, Timer()
    name = f"hnsw-{len(vectors)}x{vectors.shape[1]}-seed{options.seed}.faiss"
    path = None if options.cache is None or options.like else options.cache / name
    if path is not None and path.is_file():
        return faiss.read_index(str(path))
    timer.restart()
    graph = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = 100
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    graph.add(vectors)
    faiss.omp_set_num_threads(1)
    timer.split()
    bench.note(f"HNSW built in {timer.clock.last:.0f} s")
    if path is not None:
        faiss.write_index(graph, str(path))
    return graph


def plans(world: World, index: ServedIndex, bench: Bench) -> None:
    """What the planner chose and why."""
    for share, mask in world.filters.items():
        *_, plan = planned_top_k(
            world.users, np.arange(1), world.products, k=K, mask=mask & world.policy, index=index
        )
        bench.note(f"{share:.1%}: {plan.method}; {plan.reason}")


def batches(
    world: World,
    index: ServedIndex,
    single: dict[tuple[str, float], Timed],
    bench: Bench,
) -> None:
    """A thousand users at once, by one thread and by two that take half each."""
    table = bench.table(
        "1,000 users at once",
        *map(text, ("pass", "method")),
        measure("threads", None),
        measure("ms", 0),
        measure("users per s", 0, "higher"),
        measure("times one by one", 1),
        measure("cpu ms", 0),
        measure("times one by one, cpu", 1),
    )
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
            timer = Timer()
            for _ in range(5):
                with timer, ThreadPoolExecutor(threads) as pool:
                    plan = next(iter(pool.map(ask, parts)))
            clock_s, cpu_s = timer.clock.median, timer.cpu.median
            one_by_one = single["graphrec", share]
            rate = 1_000 / clock_s
            cpu_ratio = 1_000 * one_by_one.timer.cpu.mean / cpu_s
            table.add(
                f"{share:.1%}",
                plan.method,
                threads,
                1e3 * clock_s,
                rate,
                rate / one_by_one.per_second,
                1e3 * cpu_s,
                cpu_ratio,
            )
