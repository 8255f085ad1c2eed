"""Beibei group deals: one offers a product to friends; it closes once enough of them join.

Two questions: the products that a person should offer next, and who should offer a product. Every
person closed one deal in deals_a and one in deals_b, never of the same product, so deals_a is to
learn from and deals_b to find. What a person offered before, closed or failed, is no answer; what
they bought in another's deal may be. Ten thousand people and as many products, drawn at random, are
asked, so that ranking does not take longer than learning.

Nothing has a time. In validation, a tenth of the closed deals stands in for the products that a
person should offer next, of people known by anything else, a failed deal or one that they joined;
a deal leaves with all that it says of its participants. These people have no closed deal left,
unlike all whom the test asks about, so they are no fair sample of who should offer a product. For
that, a tenth of the failed deals stands in, of people who keep their closed one: others may not
have wanted the product, but it was offered.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.data.base import (
    VALIDATION_SHARE,
    DataSet,
    EvalTask,
    Rows,
    Split,
    counts_of,
    graph_of,
    of_sources,
    unrolled,
)
from graphdb.schema import extend_schema
from graphrec.bundle import Adjacency

NUM_PEOPLE, NUM_PRODUCTS = 190_080, 30_782
ASKED_PEOPLE, ASKED_PRODUCTS = 10_000, 10_000
WITH_DEALS = extend_schema(Path(__file__).with_name("beibei_schema.toml"))
CLOSED = WITH_DEALS.edge_type("CLOSED_DEAL")
FAILED = WITH_DEALS.edge_type("FAILED_DEAL")
PURCHASED = WITH_DEALS.edge_type("PURCHASED", "Creator", "Product")
JOINED = WITH_DEALS.edge_type("JOINED")


def read(folder: Path, validate: bool) -> Split:
    """From deals_a, deals_b and failed_deals.parquet."""
    past, asked, failed = (
        pq.read_table(folder / f"{name}.parquet") for name in ("deals_a", "deals_b", "failed_deals")
    )
    offers = asked
    if validate:
        past, asked = _cut(past, _known_otherwise(past, failed))
        failed, offers = _cut(failed, pc.is_in(failed["initiator"], value_set=past["initiator"]))
    closed, offered = _pairs(past), _pairs(failed)
    deals, friends = unrolled(np.arange(past.num_rows), past["participants"])
    friends = friends.to_numpy().astype(np.int64)
    graph = graph_of(
        {"Creator": NUM_PEOPLE, "Product": NUM_PRODUCTS},
        {
            CLOSED: closed,
            FAILED: offered,
            PURCHASED: np.stack([friends, closed[1][deals]]),
            JOINED: np.stack([friends, closed[0][deals]]),
        },
    )
    tried = np.concatenate([closed, offered], axis=1)
    taken, next_offers, offered_by = (
        Adjacency.from_edges(*pairs, NUM_PEOPLE, NUM_PRODUCTS)
        for pairs in (tried, _pairs(asked), _pairs(offers))
    )
    sold = counts_of(closed[1], NUM_PRODUCTS)
    active = counts_of(tried[0], NUM_PEOPLE)
    return Split(
        graph,
        (
            EvalTask(
                "products to offer",
                "Creator",
                "Product",
                taken,
                _some(next_offers, ASKED_PEOPLE),
                sold,
            ),
            EvalTask(
                "who should offer it",
                "Product",
                "Creator",
                taken.reverse(),
                _some(offered_by.reverse(), ASKED_PRODUCTS),
                active,
            ),
        ),
    )


def _pairs(deals: pa.Table) -> Rows:
    """Who offered what."""
    return np.stack([deals[name].to_numpy() for name in ("initiator", "product")]).astype(np.int64)


def _known_otherwise(past: pa.Table, failed: pa.Table) -> pa.ChunkedArray:
    """Whose initiators stand in another deal as well, bool per deal."""
    others = pa.chunked_array([failed["initiator"], pc.list_flatten(past["participants"])])
    return pc.is_in(past["initiator"], value_set=others)


def _cut(deals: pa.Table, may_go: pa.ChunkedArray) -> tuple[pa.Table, pa.Table]:
    """What is left, and the validation part, a share of all deals drawn from those that may go."""
    drawn = np.random.default_rng(0).permutation(np.flatnonzero(may_go.to_numpy()))
    held = np.zeros(len(may_go), dtype=np.bool_)
    held[drawn[: round(VALIDATION_SHARE * len(may_go))]] = True
    return deals.filter(pa.array(~held)), deals.filter(pa.array(held))


def _some(truth: Adjacency, asked: int) -> Adjacency:
    """The truth of at most so many queries, drawn at random: the others are not asked."""
    drawn = np.random.default_rng(0).permutation(np.flatnonzero(truth.degrees()))[:asked]
    chosen = np.zeros(truth.num_sources, dtype=np.bool_)
    chosen[drawn] = True
    return of_sources(truth, chosen)


BEIBEI_GROUPBUY = DataSet("beibei-groupbuy", CLOSED, 20, read, schema=WITH_DEALS)
