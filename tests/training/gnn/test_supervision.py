"""What is learned to predict, and how it is dealt out in batches."""

import pytest
import torch

from graphdb.errors import InsufficientDataError, SchemaError
from graphdb.schema import SCHEMA
from training.gnn import GnnConfig
from training.gnn.supervision import batches, supervised_edge_types, supervised_edges

PURCHASED = SCHEMA.edge_type("PURCHASED")
RETURNED = SCHEMA.edge_type("RETURNED")
RATED = SCHEMA.edge_type("RATED")
MADE_BY = SCHEMA.edge_type("MADE_BY")
PROMOTES = SCHEMA.edge_type("PROMOTES")
SIZES = {"User": 4, "Product": 5, "Brand": 2, "Creator": 2}
BOUGHT = [(0, 0), (0, 1), (0, 1), (1, 1), (2, 2), (2, 3)]


def target_edge_type(graph, name="User-PURCHASED-Product", **settings):
    return supervised_edges(graph, SCHEMA, name, 1.0, GnnConfig(**settings))


def listed(csr):
    return csr.to_dense().nonzero().tolist()


def epoch(directions, seed=0, **settings):
    config = GnnConfig(**settings)
    return list(batches(directions, config, torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize(
    ("made_by", "brands"), [([(1, 0), (4, 1)], True), ([(4, 1)], False), ([], False), (None, False)]
)
def test_products_are_predicted_and_brands_where_anything_bought_has_one(
    make_graph, made_by, brands
):
    edges = {PURCHASED: BOUGHT} if made_by is None else {PURCHASED: BOUGHT, MADE_BY: made_by}
    graph = make_graph(SIZES, edges)
    expected = {"User-PURCHASED-Product": 1.0}
    if brands:
        expected["User-PURCHASED-Product-MADE_BY-Brand"] = 1.0
    found = supervised_edge_types(graph, SCHEMA, GnnConfig())
    assert found == expected
    for name in found:
        assert target_edge_type(graph, name).query_rows.numel()
    chosen = {"User-PURCHASED-Product": 0.5}
    assert supervised_edge_types(graph, SCHEMA, GnnConfig(supervision=chosen)) == chosen


def test_distinct_pairs_are_positives(make_graph):
    found = target_edge_type(make_graph(SIZES, {PURCHASED: BOUGHT}))
    assert listed(found.positives) == [[0, 0], [0, 1], [1, 1], [2, 2], [2, 3]]
    assert found.query_rows.tolist() == [0, 1, 2]
    assert found.taken.tolist() == [1, 2, 1, 1, 0]
    assert listed(found.disliked) == []


def test_what_came_back_or_was_rated_badly_is_disliked(make_graph):
    graph = make_graph(
        SIZES,
        {PURCHASED: BOUGHT, RETURNED: [(0, 1), (0, 1), (0, 1), (3, 4)], RATED: [(1, 1), (2, 2)]},
    )
    graph[RATED].stars = torch.tensor([2.0, 3.0])
    found = target_edge_type(graph)
    assert listed(found.disliked) == [[0, 1], [1, 1], [3, 4]]
    assert listed(found.positives) == [[0, 0], [2, 2], [2, 3]]
    stricter = target_edge_type(graph, max_negative_rating=3.0)
    assert listed(stricter.positives) == [[0, 0], [2, 3]]


def test_a_longer_way_leads_to_brands(make_graph):
    graph = make_graph(SIZES, {PURCHASED: BOUGHT, MADE_BY: [(0, 0), (1, 1), (2, 1), (3, 1)]})
    found = target_edge_type(graph, "User-PURCHASED-Product-MADE_BY-Brand")
    assert (found.query_type, found.target_type) == ("User", "Brand")
    assert listed(found.positives) == [[0, 0], [0, 1], [1, 1], [2, 1]]


def test_a_edge_can_be_predicted_too(make_graph):
    found = target_edge_type(make_graph(SIZES, {PROMOTES: [(1, 4)]}), "Creator-PROMOTES-Product")
    assert listed(found.positives) == [[1, 4]]


@pytest.mark.parametrize("name", ["User", "User-PURCHASED", "User-PURCHASED-Product-MADE_BY"])
def test_what_is_no_metapath_is_named(make_graph, name):
    with pytest.raises(SchemaError, match=f"'{name}' is (not a metapath|a metapath without steps)"):
        target_edge_type(make_graph(SIZES, {PURCHASED: BOUGHT}), name)


def test_a_way_without_pairs_is_named(make_graph):
    with pytest.raises(InsufficientDataError, match="no pairs of User-PURCHASED-Product"):
        target_edge_type(make_graph(SIZES, {PURCHASED: [(0, 0)], RETURNED: [(0, 0), (0, 0)]}))


@pytest.mark.parametrize("candidates", ["all", 0, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_an_epoch_holds_every_pair_once(make_graph, candidates, batch_size):
    graph = make_graph(SIZES, {PURCHASED: BOUGHT, PROMOTES: [(0, 0), (1, 3)]})
    both = [target_edge_type(graph), target_edge_type(graph, "Creator-PROMOTES-Product")]
    found = set()
    for batch in epoch(both, num_random_negatives=candidates, batch_size=batch_size):
        queries = batch.queries[batch.positives.queries].tolist()
        targets = batch.candidates[batch.positives.candidates].tolist()
        pairs = {(batch.edges.name, *pair) for pair in zip(queries, targets, strict=True)}
        assert len(pairs) == len(queries)
        assert not pairs & found
        found |= pairs
    expected = {(one.name, *pair) for one in both for pair in listed(one.positives)}
    assert found == expected


def test_all_targets_that_were_ever_taken_stand_against_a_query_node(make_graph):
    one = target_edge_type(make_graph(SIZES, {PURCHASED: BOUGHT}))
    (batch,) = epoch([one], num_random_negatives="all", negative_sampling_exponent=0.5)
    assert batch.candidates.tolist() == [0, 1, 2, 3]
    assert batch.log_prior.exp().tolist() == pytest.approx([1, 2**0.5, 1, 1])


def test_hard_negatives_are_found_among_the_candidates(make_graph):
    graph = make_graph(SIZES, {PURCHASED: [*BOUGHT, (3, 1)], RETURNED: [(0, 1)] * 3})
    (batch,) = epoch([target_edge_type(graph)], num_random_negatives="all")
    queries = batch.queries[batch.hard_negatives.queries].tolist()
    targets = batch.candidates[batch.hard_negatives.candidates].tolist()
    assert (queries, targets) == ([0], [1])


@pytest.mark.parametrize("drawn", [0, 2])
def test_drawn_candidates_estimate_the_sum_over_all(make_graph, drawn):
    """Each target's prior, averaged over many epochs with 0 where it is absent, is its own."""
    rng = torch.Generator().manual_seed(3)
    bought = torch.randint(40, (200, 2), generator=rng) % torch.tensor([40, 12])
    graph = make_graph(
        {"User": 40, "Product": 12}, {PURCHASED: [tuple(p) for p in bought.tolist()]}
    )
    one = target_edge_type(graph)
    total, number = torch.zeros(12), 0
    for seed in range(600):
        for batch in epoch([one], seed=seed, num_random_negatives=drawn, batch_size=8):
            total[batch.candidates] += batch.log_prior.exp()
            number += 1
    torch.testing.assert_close(total / number, one.taken.float(), rtol=0.12, atol=0)
