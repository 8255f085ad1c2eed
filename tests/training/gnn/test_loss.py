"""The loss, worked out pair by pair."""

import math

import pytest
import torch

from training.gnn.loss import Pairs, bilateral_softmax


def pairs(*places):
    queries, candidates = zip(*places, strict=True) if places else ((), ())
    return Pairs(
        torch.tensor(queries, dtype=torch.int64), torch.tensor(candidates, dtype=torch.int64)
    )


def test_a_pair_by_hand():
    # cosines 1 and 0, temperature 1/2: logits 2 and 0
    queries, candidates = torch.tensor([[3.0, 0.0]]), torch.tensor([[5.0, 0.0], [0.0, 0.1]])
    found = bilateral_softmax(
        queries, candidates, pairs((0, 0)), torch.zeros(2), temperature=0.5, negative_weight=0.84
    )
    assert float(found) == pytest.approx(0.84 * math.log(math.e**2 + 1) - 2, rel=1e-6)


@pytest.mark.parametrize("hard", [(), ((0, 3), (2, 1))])
def test_random_cases_equal_a_loop(hard):
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(3, 5, generator=generator)
    candidates = torch.randn(4, 5, generator=generator)
    prior = torch.randn(4, generator=generator)
    positives = ((0, 1), (0, 2), (2, 0), (2, 3))
    found = bilateral_softmax(
        queries,
        candidates,
        pairs(*positives),
        prior,
        temperature=0.2,
        negative_weight=1.1,
        hard_negatives=pairs(*hard),
        hard_negative_weight=7,
    )
    total = 0.0
    for seed, candidate in positives:

        def logit(place, seed=seed):
            return float(torch.cosine_similarity(queries[seed], candidates[place], dim=0)) / 0.2

        against = sum(
            math.exp(logit(place) + float(prior[place])) * (7 if (seed, place) in hard else 1)
            for place in range(4)
        )
        total += 1.1 * math.log(against) - logit(candidate)
    assert float(found) == pytest.approx(total / len(positives), rel=1e-4)


@pytest.mark.parametrize("hard", [None, pairs((0, 3), (2, 1))])
def test_the_gradient_is_that_of_small_differences(hard):
    generator = torch.Generator().manual_seed(0)
    queries, candidates, prior = (
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((3, 5), (4, 5), (4,))
    )

    def loss(queries, candidates):
        return bilateral_softmax(
            queries,
            candidates,
            pairs((0, 1), (0, 2), (2, 0), (2, 3)),
            prior,
            temperature=0.2,
            negative_weight=1.1,
            hard_negatives=hard,
            hard_negative_weight=7,
        )

    assert torch.autograd.gradcheck(loss, (queries.requires_grad_(), candidates.requires_grad_()))


def test_lengths_do_not_matter():
    generator = torch.Generator().manual_seed(0)
    queries, candidates = (
        torch.randn(3, 5, generator=generator),
        torch.randn(4, 5, generator=generator),
    )
    settings = {"temperature": 0.1, "negative_weight": 1.0}
    some = pairs((0, 1), (1, 1), (2, 3))
    once = bilateral_softmax(queries, candidates, some, torch.zeros(4), **settings)
    again = bilateral_softmax(queries * 9, candidates * 0.1, some, torch.zeros(4), **settings)
    assert float(once) == pytest.approx(float(again), rel=1e-5)


def test_bfloat16_is_close():
    generator = torch.Generator().manual_seed(0)
    queries, candidates = (
        torch.randn(30, 64, generator=generator),
        torch.randn(40, 64, generator=generator),
    )
    some = pairs(*((row, row) for row in range(30)))
    found = {}
    for bfloat16 in (False, True):
        ends = [end.clone().requires_grad_() for end in (queries, candidates)]
        loss = bilateral_softmax(
            *ends,
            some,
            torch.zeros(40),
            temperature=0.12,
            negative_weight=0.84,
            bfloat16=bfloat16,
        )
        found[bfloat16] = (loss.item(), *torch.autograd.grad(loss, ends))
    exact, rough = found[False], found[True]
    assert rough[0] == pytest.approx(exact[0], rel=1e-2)
    assert rough[0] != exact[0]
    for near, true in zip(rough[1:], exact[1:], strict=True):
        torch.testing.assert_close(near, true, rtol=0, atol=0.02 * float(true.abs().max()))
