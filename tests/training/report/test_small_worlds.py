"""From a snapshot to a page where hardly anything is there: nothing may need what is missing."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from training.evaluation.run import EvaluateOptions, evaluate
from training.evaluation.tables import tables
from training.report import write_report

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
MANY = [(f"u{day % 12:02}", f"p{day * 7 % 9}", day) for day in range(60)]
VISITORS = [f"visitor{number}" for number in range(10)]
TO_VISITORS = "\n".join(f"{name},p1" for name in VISITORS)


@pytest.fixture
def reported(write_world, tmp_path):
    """What an evaluation found and its page, of purchases (user, product, day) and edges."""

    def make(purchases, edges=None, *, pairs=None, **options):
        users, products, days = zip(*purchases, strict=True)
        nodes = {
            "User": {"user_id": [*sorted(set(users)), *VISITORS]},
            "Product": {"product_id": sorted(set(products))},
            "Brand": {"brand_id": ["acme"] if edges else []},
        }
        edges = {
            "User-PURCHASED-Product": {
                "source_id": users,
                "target_id": products,
                "at": [BEGIN + timedelta(days=day) for day in days],
                "event_id": [f"e{number}" for number in range(len(days))],
            },
            **(edges or {}),
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
def test_no_categories_and_no_brands(reported, split):
    found, page = reported(MANY, split=split)
    assert names(found)[0] == "all products" and "new brands" not in names(found)
    assert "too few products and brands" in page
    why = "no money is known" if split == "time" else "there is no cut-off"
    assert f"Nothing was weighted by value: {why}." in page


ONE_NEW = [
    *((f"u{user:02}", f"p{user % 3}", day) for user in range(12) for day in (0, 50)),
    *(("u00", "p0", day / 10) for day in range(1, 9)),
    ("u00", "p1", 51),
]


def test_a_task_and_groups_of_few_say_so(reported):
    """All twelve buy again what they bought; one of them buys something new as well."""
    found, page = reported(ONE_NEW)
    new = found.task("new products")
    assert new.num_queries == 1 and new.too_few["recall@20"] == 1
    assert all(one.metrics == {} for one in new.models) and new.comparisons == ()
    assert found.tasks[0].models[0].metrics["recall@20"].mean == 1
    groups = {one.group: one for one in found.tasks[0].groups}
    assert any(one.num_queries < 10 for one in groups.values())
    for one in groups.values():
        assert all(bool(figures) == (one.num_queries >= 10) for figures in one.models.values())
    told = page.partition('<section id="tasks">')[2].partition("</section>")[0]
    assert "new products: too few queries (n=1)." in told and ">new products<" not in told
    text = StringIO()
    for table in tables(found):
        Console(file=text, width=200).print(table)
    row = next(line for line in text.getvalue().splitlines() if "new products" in line)
    assert "too few queries (n=1)" in row and "±" not in row


def test_more_places_than_products(reported):
    found, page = reported(MANY, ks=(1, 100))
    assert {one.metrics["recall@100"].mean for one in found.tasks[0].models} == {1.0}
    # Groups and tests are of the longest lists, whatever these are.
    assert "with 100 suggestions each" in page and "not tested" not in page
    groups = page.partition('<section id="groups">')[2].partition("</section>")[0]
    assert "1.0000" in groups


def test_a_model_that_knows_nobody_who_is_asked(reported):
    found, page = reported(MANY, split="given", pairs=TO_VISITORS, baselines=("popularity",))
    ours, popularity = found.tasks[0].models
    assert ours.lists == {} and ours.metrics["recall@20"].mean == 0
    assert popularity.metrics["recall@20"].mean == 1
    assert set(found.exposure[0].shown) == {"popularity"}
    assert "svd found 0.0 %" in page


def test_nobody_shows_anything(reported):
    found, page = reported(MANY, split="given", pairs=TO_VISITORS, baselines=())
    assert found.exposure == ()
    assert "Exposure" not in page


def test_only_what_is_new_has_a_brand(reported):
    made_by = {"Product-MADE_BY-Brand": {"source_id": ["new"], "target_id": ["acme"]}}
    found, _ = reported([*MANY, ("u1", "new", 59.5)], made_by)
    assert "new brands" not in names(found)
