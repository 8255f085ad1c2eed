"""How long do the answers for many users take, with fields and reasons, and what of it is ranking?

Processor seconds of `recommend_many` for products, with reasons, without, and of `top_rows`, which
gives rows and scores alone. With --beside, another checkout of graphrec answers the same in the
same run, in processes that take turns; of each, the fastest round counts.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.harness import Arguments, Bench, Kind, measure, text

ROOT = Path(__file__).parents[2]
ROUND = """
import json, sys, time
import numpy as np
from graphrec import Recommender

recommender = Recommender.open(sys.argv[1], verify=False)
users = recommender.bundle.ids("User").to_pylist()[: int(sys.argv[2])]

def seconds(ask):
    started = time.process_time()
    ask()
    return time.process_time() - started

recommender.recommend_many("User", users[:20], "Product")  # what is worked out once does not count
found = {
    "with reasons": seconds(lambda: recommender.recommend_many("User", users, "Product")),
    "ranking alone": seconds(
        lambda: recommender.top_rows("User", np.arange(len(users)), "Product")
    ),
}
if sys.argv[3] == "now":
    found["without reasons"] = seconds(
        lambda: recommender.recommend_many("User", users, "Product", reasons=False)
    )
print(json.dumps(found))
"""


def arguments(arguments: Arguments) -> None:
    arguments.add("bundle", type=Path)
    arguments.add("--users", type=int, default=1000)
    arguments.add("--rounds", type=int, default=3)
    arguments.add("--beside", type=Path, help="another checkout, such as one of an older release")
    arguments.threads(1)


def run(bench: Bench) -> None:
    options = bench.options
    table = bench.table(
        f"Products for {options.users:,} users, processor seconds",
        text("code"),
        measure("with reasons", 2, "lower"),
        measure("without reasons", 2, "lower"),
        measure("ranking alone", 2, "lower"),
        measure("times as fast", 1, "higher"),
        measure("times as fast beside ranking", 1, "higher"),
    )
    checkouts = {"now": ROOT}
    if options.beside is not None:
        checkouts["before"] = options.beside
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    for _ in range(options.rounds):
        for name, checkout in checkouts.items():
            rounds[name].append(answered(name, checkout.resolve(), bench))
    found = {name: least(of) for name, of in rounds.items()}
    first = found.get("before", found["now"])
    for name, figures in found.items():
        whole, ranking = figures["with reasons"], figures["ranking alone"]
        table.add(
            name,
            whole,
            figures.get("without reasons"),
            ranking,
            first["with reasons"] / whole,
            (first["with reasons"] - first["ranking alone"]) / (whole - ranking),
            kind=Kind.BASELINE if name == "before" else Kind.OURS,
        )


def answered(name: str, checkout: Path, bench: Bench) -> dict[str, float]:
    """One round in a process of its own."""
    options = bench.options
    threads = str(options.threads)
    done = subprocess.run(
        [sys.executable, "-c", ROUND, str(options.bundle.resolve()), str(options.users), name],
        cwd=checkout,  # whose packages come first
        env={**os.environ, "OMP_NUM_THREADS": threads},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        bench.refuse(f"{checkout}: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(done.stdout)
    bench.say(name, found)
    return found


def least(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {what: min(one[what] for one in rounds) for what in rounds[0]}
