"""From a snapshot to a page where hardly anything is there: nothing may need what is missing."""

from datetime import UTC, datetime, timedelta

import pytest

from training.evaluation.run import EvaluateOptions, evaluate
from training.report import write_report

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
MANY = [(f"u{day % 5}", f"p{day * 7 % 9}", day) for day in range(60)]


@pytest.fixture
def reported(write_world, tmp_path):
    """What an evaluation found and its page, of purchases (user, product, day) and ties."""

    def make(purchases, ties=None, *, pairs=None, **options):
        users, products, days = zip(*purchases, strict=True)
        nodes = {
            "User": {"user_id": [*sorted(set(users)), "visitor"]},
            "Product": {"product_id": sorted(set(products))},
            "Brand": {"brand_id": ["acme"] if ties else []},
        }
        edges = {
            "User-PURCHASED-Product": {
                "source_id": users,
                "target_id": products,
                "at": [BEGIN + timedelta(days=day) for day in days],
                "event_id": [f"e{number}" for number in range(len(days))],
            },
            **(ties or {}),
        }
        if pairs is not None:
            options["held_pairs"] = tmp_path / "pairs.csv"
            options["held_pairs"].write_text(f"source_id,target_id\n{pairs}\n")
        snapshot = write_world(tmp_path / "snapshot", nodes, edges)
        folder = tmp_path / "evaluation"
        found = evaluate(snapshot.folder, folder, options=EvaluateOptions(resamples=20, **options))
        page = write_report(folder, snapshot=snapshot.folder).path.read_text(encoding="utf-8")
        return found, page

    return make


def names(found):
    return [task.name for task in found.tasks]


@pytest.mark.parametrize("split", ["time", "leave-last-out"])
def test_one_user_and_no_categories_or_brands(reported, split):
    found, page = reported([("u0", "p0", 0), ("u0", "p1", 5), ("u0", "p2", 59)], split=split)
    assert names(found) == ["all products", "new products"]
    assert found.tasks[0].num_seeds == 1
    assert "too few products and brands" in page
    why = "no money is known" if split == "time" else "there is no cut-off"
    assert f"Nothing was weighted by value: {why}." in page


def test_more_places_than_products(reported):
    found, page = reported(MANY, ks=(1, 100))
    assert {one.metrics["recall@100"].mean for one in found.tasks[0].models} == {1.0}
    # Groups and tests are of the longest lists, whatever these are.
    assert "with 100 suggestions each" in page and "not tested" not in page
    groups = page.partition('<section id="groups">')[2].partition("</section>")[0]
    assert "1.0000" in groups


def test_a_model_that_knows_nobody_who_is_asked(reported):
    found, page = reported(MANY, split="given", pairs="visitor,p1", baselines=("popularity",))
    ours, popularity = found.tasks[0].models
    assert ours.lists == {} and ours.metrics["recall@20"].mean == 0
    assert popularity.metrics["recall@20"].mean == 1
    assert set(found.exposure[0].shown) == {"popularity"}
    assert "spectral found 0.0 %" in page


def test_nobody_shows_anything(reported):
    found, page = reported(MANY, split="given", pairs="visitor,p1", baselines=())
    assert found.exposure == ()
    assert "Exposure was not measured." in page


def test_only_what_is_new_has_a_brand(reported):
    made_by = {"Product-MADE_BY-Brand": {"source_id": ["new"], "target_id": ["acme"]}}
    found, _ = reported([*MANY, ("u1", "new", 59.5)], made_by)
    assert "new brands" not in names(found)
