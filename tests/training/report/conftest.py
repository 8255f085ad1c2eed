"""A small shop with odd names, trained on, as `graphrec evaluate` would leave it in a folder."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from contracts.evaluations import HOSTILE, QUOTES, make_evaluation

from training.config import TrainConfig
from training.encoders import SvdConfig
from training.training_run import train

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def odd(name: str, number: int) -> str:
    return (HOSTILE, QUOTES)[number] if number < 2 else f"{name} {number}"


@pytest.fixture(scope="session")
def shop(write_world, tmp_path_factory):
    """Snapshot: 80 users buy 48 products of 16 brands, in 6 categories under 2 larger ones."""
    rng = np.random.default_rng(3)
    products = [f"p{number:02d}" for number in range(48)]
    brands = [f"b{number}" for number in range(16)]
    roots, leaves = ["r0", "r1"], [f"c{number}" for number in range(6)]
    users = np.repeat(np.arange(80), 12)
    bought = rng.integers(24, size=len(users)) * 2 + users % 2
    nodes = {
        "User": {"user_id": [f"u{number:02d}" for number in range(80)]},
        "Product": {
            "product_id": products,
            "title": [odd("cup", number) for number in range(48)],
            "price": [0.001 if number == 3 else 1.5 + number for number in range(48)],
        },
        "Brand": {"brand_id": brands, "name": [odd("maker", number) for number in range(16)]},
        "Category": {
            "category_id": [*leaves, *roots],
            "name": [odd("shelf", number) for number in range(8)],
        },
    }
    edges = {
        "User-PURCHASED-Product": {
            "source_id": [f"u{row:02d}" for row in users],
            "target_id": [products[row] for row in bought],
            "at": [BEGIN + timedelta(hours=int(hour)) for hour in rng.integers(2000, size=960)],
            "event_id": [f"e{number}" for number in range(960)],
        },
        "Product-MADE_BY-Brand": {
            "source_id": products,
            "target_id": [brands[number % 16] for number in range(48)],
        },
        "Product-IN_CATEGORY-Category": {
            "source_id": products,
            "target_id": [leaves[number % 6] for number in range(48)],
        },
        "Category-CHILD_OF-Category": {
            "source_id": leaves,
            "target_id": [roots[number % 2] for number in range(6)],
        },
    }
    return write_world(tmp_path_factory.mktemp("shop") / "snapshot", nodes, edges)


@pytest.fixture(scope="session")
def evaluated(shop, tmp_path_factory):
    """A folder with results and the bundle of the past."""
    folder = tmp_path_factory.mktemp("evaluated")
    config = TrainConfig(svd=SvdConfig(dim=32))
    train(shop.folder, folder / "past", config=config, holdout_days=None)
    make_evaluation().write(folder)
    return folder


@pytest.fixture
def results(tmp_path):
    """A folder with results and nothing else."""
    make_evaluation().write(tmp_path)
    return tmp_path
