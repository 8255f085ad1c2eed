"""No word that the glossary replaced stands where people read it."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
from pydantic import BaseModel

import graphdb.errors
import graphrec
from graphrec.cli import build_app
from training.config import TrainConfig

ROOT = Path(__file__).parents[1]
REPLACED = {
    "spectral": "svd",
    "beta": "singular_value_exponent",
    "item_power": "item_popularity_exponent",
    "user_exponent": "user_degree_exponent",
    "pair_power": "repeat_exponent",
    "tie_weights": "edge_type_weights",
    "side_weights": "edge_type_weights",
    "seed_batch": "batch_size",
    "popularity_power": "negative_sampling_exponent",
    "id_dropout": "node_dropout",
    "bad_stars": "max_negative_rating",
    "validation_share": "validation_fraction",
    "learn_gains": "learn_relation_weights",
    "newcomer_share": "new_item_share",
    "newcomer_days": "new_item_days",
    "encode_new": "embed_new",
    "--without": "--exclude",
    "--top": "--top-k",
    "--k": "--top-k",
    "--popular-if-unknown": "--on-unknown",
    "--keep": "--run-dir",
    "--log": "--run-dir",
    "--newcomer-share": "--new-item-share",
    "--newcomer-days": "--new-item-days",
    "DoesNotFitError": "InsufficientMemoryError",
    "ProcessLostError": "WorkerLostError",
    "LeakError": "DataLeakageError",
    "BadFilterError": "InvalidFilterError",
    "NotEnoughDataError": "InsufficientDataError",
    "LinearPropagation": "HeteroLightGCN",
    "BoundIndex": "ExactMipsIndex",
}
OLD = re.compile("|".join(rf"(?<![\w-]){re.escape(word)}(?![\w-])" for word in REPLACED))
# History says what things were called; benchmarks, whose tools have options of their own, too.
HISTORY = {"docs/decisions.md", "docs/benchmarks.md", "docs/glossary.md"}
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))
    if str(path.relative_to(ROOT)) not in HISTORY
)


def helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """The whole help of every command, by its name."""
    yield name, command.get_help(click.Context(command, info_name=name))
    for below, one in getattr(command, "commands", {}).items():
        yield from helps(one, f"{name} {below}")


def keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation)


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_an_old_word(page):
    assert OLD.findall((ROOT / page).read_text()) == []


def test_no_help_has_an_old_word():
    found = dict(helps(typer.main.get_command(build_app()), "graphrec"))
    assert len(found) > 20
    assert {name: OLD.findall(text) for name, text in found.items() if OLD.search(text)} == {}


def test_no_setting_has_an_old_name():
    found = set(keys(TrainConfig))
    assert {"singular_value_exponent", "batch_size"} <= found
    assert found & REPLACED.keys() == set()


def test_no_public_name_is_an_old_one():
    names = {*graphrec.__all__, *vars(graphdb.errors), *vars(graphrec.Recommender)}
    assert "InsufficientDataError" in names
    assert names & REPLACED.keys() == set()


@pytest.mark.parametrize("text", ["`--keep`", "a beta of 2", "BadFilterError: no", "spectral"])
def test_an_old_word_would_be_found(text):
    assert OLD.search(text)
