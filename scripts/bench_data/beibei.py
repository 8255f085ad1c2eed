"""Beibei group deals: one offers a product to friends; it closes once enough of them join.

Two questions: the products that a person should offer next, and who should offer a product. Every
person closed one deal in deals_a and one in deals_b, never of the same product, so deals_a is to
learn from and deals_b to find. Nothing has a time: a tenth of the deals stands in for validation,
of people known by anything else, a failed deal or one that they joined. A deal leaves with all
that it says of its participants. What a person offered before, closed or failed, is no answer;
what they bought in another's deal may be. Ten thousand people and two thousand products, drawn at
random, are asked, so that ranking does not take longer than learning.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from bench_data.base import (
    VALIDATION_SHARE,
    DataSet,
    Question,
    Rows,
    Split,
    counts_of,
    graph_of,
    of_sources,
    unrolled,
)
from graphdb.schema_toml import extend_schema
from graphrec.bundle import Adjacency

NUM_PEOPLE, NUM_PRODUCTS = 190_080, 30_782
ASKED_PEOPLE, ASKED_PRODUCTS = 10_000, 2_000
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
    if validate:
        held = _held_out(past, failed)
        past, asked = past.filter(pa.array(~held)), past.filter(pa.array(held))
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
    taken, truth = (
        Adjacency.from_edges(*pairs, NUM_PEOPLE, NUM_PRODUCTS) for pairs in (tried, _pairs(asked))
    )
    # In validation, nobody with a deal left in the past has another to find.
    people = torch.from_numpy(truth.degrees() > 0) if validate else None
    sold = counts_of(closed[1], NUM_PRODUCTS)
    active = counts_of(tried[0], NUM_PEOPLE)
    return Split(
        graph,
        (
            Question(
                "products to offer", "Creator", "Product", taken, _some(truth, ASKED_PEOPLE), sold
            ),
            Question(
                "who should offer it",
                "Product",
                "Creator",
                taken.reverse(),
                _some(truth.reverse(), ASKED_PRODUCTS),
                active,
                people,
            ),
        ),
    )


def _pairs(deals: pa.Table) -> Rows:
    """Who offered what."""
    return np.stack([deals[name].to_numpy() for name in ("initiator", "product")]).astype(np.int64)


def _held_out(past: pa.Table, failed: pa.Table) -> npt.NDArray[np.bool_]:
    """Which deals are the validation part."""
    others = pa.chunked_array([failed["initiator"], pc.list_flatten(past["participants"])])
    known = pc.is_in(past["initiator"], value_set=others).to_numpy()
    drawn = np.random.default_rng(0).permutation(np.flatnonzero(known))
    held = np.zeros(len(known), dtype=np.bool_)
    held[drawn[: round(VALIDATION_SHARE * len(known))]] = True
    return held


def _some(truth: Adjacency, asked: int) -> Adjacency:
    """The truth of at most so many seeds, drawn at random: the others are not asked."""
    drawn = np.random.default_rng(0).permutation(np.flatnonzero(truth.degrees()))[:asked]
    chosen = np.zeros(truth.num_sources, dtype=np.bool_)
    chosen[drawn] = True
    return of_sources(truth, chosen)


BEIBEI_GROUPBUY = DataSet("beibei-groupbuy", CLOSED, 20, read, schema=WITH_DEALS)
