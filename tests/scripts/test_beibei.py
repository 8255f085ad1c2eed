"""The validation part of group deals: what scripts/benchmarks/data/beibei.py holds out."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.data.beibei import CLOSED, FAILED, JOINED, PURCHASED, read

from graphrec.adjacency import sources_of

PEOPLE = 40


@pytest.fixture
def folder(tmp_path):
    """Everyone closed a deal, of their own product; every second one failed with the next."""
    people = range(PEOPLE)
    write(tmp_path / "deals_a.parquet", people, people, [[100 + one] for one in people])
    write(tmp_path / "deals_b.parquet", people, [50 + one for one in people], [[]] * PEOPLE)
    half = range(0, PEOPLE, 2)
    write(tmp_path / "failed_deals.parquet", half, [one + 1 for one in half], [[]] * len(half))
    return tmp_path


def write(path, initiators, products, participants):
    columns = {
        "initiator": pa.array(list(initiators), pa.int32()),
        "product": pa.array(list(products), pa.int32()),
        "participants": pa.array(participants, pa.list_(pa.int32())),
    }
    pq.write_table(pa.table(columns), path)


def pairs(adjacency):
    return set(zip(sources_of(adjacency).tolist(), adjacency.indices.tolist(), strict=True))


def edges(split, edge_type):
    return set(map(tuple, split.graph[edge_type].edge_index.T.tolist()))


def test_the_test_part_asks_for_the_later_deals(folder):
    split = read(folder, validate=False)
    products, people = split.questions
    assert edges(split, CLOSED) == {(one, one) for one in range(PEOPLE)}
    assert edges(split, PURCHASED) == {(100 + one, one) for one in range(PEOPLE)}
    assert pairs(products.truth) == {(one, 50 + one) for one in range(PEOPLE)}
    assert pairs(people.truth) == {(50 + one, one) for one in range(PEOPLE)}


def test_validation_asks_for_closed_deals_of_people_known_otherwise(folder):
    split = read(folder, validate=True)
    held = pairs(split.questions[0].truth)
    assert len(held) == PEOPLE // 10
    assert all(person % 2 == 0 for person, _ in held)  # the others never failed, and joined nobody
    assert edges(split, CLOSED) == {(one, one) for one in range(PEOPLE)} - held
    for person, _ in held:  # a deal leaves with all that it says of its participants
        assert (100 + person, person) not in edges(split, JOINED) | edges(split, PURCHASED)


def test_validation_asks_who_offered_what_failed_and_still_has_a_closed_deal(folder):
    split = read(folder, validate=True)
    products, people = split.questions
    held = {(person, product) for product, person in pairs(people.truth)}
    assert len(held) == PEOPLE // 2 // 10
    offered = {(one, one + 1) for one in range(0, PEOPLE, 2)}
    assert held <= offered
    assert edges(split, FAILED) == offered - held
    assert not {person for person, _ in held} & {person for person, _ in pairs(products.truth)}
    assert not held & pairs(products.taken)
