"""A publish that is killed, in a real Neo4j."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from contracts.publish_world import DRAWN_AND_SERVED, ask, assert_only, column, id_of

from graphrec.publishing import QueryNode, publish

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("dies_in", "call", "served"),
    [
        ("publisher._write_batch", 4, 0),
        ("statements.create", 1, 0),
        ("publisher.draw", 1, 0),
        ("publisher.serve_release", 1, 0),
        ("publisher.remove_stale", 1, 1),
        ("publisher._remove_page", 5, 1),
    ],
)
def test_a_killed_publish_leaves_one_release_serving_and_a_rerun_completes(
    shared_shop, plain, recommenders, dies_in, call, served
):
    first, second = recommenders
    queries = [QueryNode("User", "u00003", "Product")]
    publish(first, shared_shop.url, queries=queries)
    script = (
        "import os, signal, sys\n"
        "from graphdb.stores.neo4j.publishing import publisher, statements\n"
        "from graphrec import Recommender\n"
        "from graphrec.publishing import publish\n"
        "publisher.BATCH_NUMBERS, publisher.PAGE_NODES = 20_000, 100\n"
        f"real, calls = {dies_in}, []\n"
        "def dies(*arguments):\n"
        "    calls.append(1)\n"
        f"    if len(calls) == {call}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(*arguments)\n"
        f"{dies_in} = dies\n"
        "publish(Recommender.open(sys.argv[1]), sys.argv[2])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(second.bundle.folder), shared_shop.url],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    release_id, products, _ = ask(plain, "u00003")
    assert release_id == id_of(recommenders[served])
    assert len(set(products) & set(recommenders[served].products_for_user("u00003").ids)) >= 9
    if served == 0:
        assert column(plain, DRAWN_AND_SERVED) == [10]
    publish(second, shared_shop.url)
    assert_only(plain, second)
