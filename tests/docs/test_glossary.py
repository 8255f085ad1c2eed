"""No word that the glossary replaced stands where people read it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
from pydantic import BaseModel

import graphdb.errors
import graphrec
from graphdb.io.mapping import TableEntry
from graphrec.cli import build_app
from training.config import TrainConfig

ROOT = Path(__file__).parents[2]
REPLACED = {
    "spectral": "svd",
    "beta": "singular_value_exponent",
    "item_power": "item_popularity_exponent",
    "user_exponent": "user_degree_exponent",
    "pair_power": "repeat_exponent",
    "tie_weights": "edge_type_weights",
    "side_weights": "edge_type_weights",
    "query_batch": "batch_size",
    "popularity_power": "negative_sampling_exponent",
    "id_dropout": "node_dropout",
    "bad_stars": "max_negative_rating",
    "validation_share": "validation_fraction",
    "learn_gains": "learn_relation_weights",
    "balance": "weight",
    "profile_balance": "weight",
    "engagement_balance": "weight",
    "popularity_half_life_days": "half_life_days",
    "even_lengths": "lengths",
    "newcomer_share": "new_item_share",
    "newcomer_days": "new_item_days",
    "encode_new": "embed_new",
    "--without": "--exclude",
    "--top": "--top-k",
    "--k": "--top-k",
    "--popular-if-unknown": "--on-unknown",
    "--keep": "--run-dir",
    "--log": "--run-dir",
    "--min-price": "--price-min",
    "--max-price": "--price-max",
    "--newcomer-share": "--new-item-share",
    "--newcomer-days": "--new-item-days",
    "DoesNotFitError": "InsufficientMemoryError",
    "ProcessLostError": "WorkerLostError",
    "LeakError": "DataLeakageError",
    "BadFilterError": "InvalidFilterError",
    "NotEnoughDataError": "InsufficientDataError",
    "LinearPropagation": "HeteroLightGCN",
    "BoundIndex": "ExactMipsIndex",
    "seed_type": "query_type",
    "seed_id": "query_id",
    "seed_ids": "query_ids",
    "seed_rows": "query_rows",
    "num_seeds": "num_queries",
    "per_seed": "per_query",
    "newcomer": "new item",
    "newcomers": "new items, or `cold_start`",
    "NewcomerRule": "ColdStartRule",
    "newcomers_as_of": "new_items_as_of",
    "tie": "edge",
    "barred": "excluded",
    "fans": "followers",
    "scene": "channel",
    "deeds": "events",
    "foretold": "predicted",
    "foretell": "predict",
    "likeness": "similarity",
    "lately": "recently",
    "direction": "target_edge_type",
    "behaviour_weight": "event_weight",
    "neighbours": "neighbors",
    "closed form": "SVD",
    "stands twice": "is duplicated",
    "no device of torch": "an unknown torch device",
    "became no number": "became NaN",
    "bundle of the past": "backtest bundle",
    "model of the past": "backtest bundle",
    "check_same": "check_resumable",
    "bundle_of_the_past": "write_backtest_bundle",
    "model_of_the_past": "train_backtest_model",
    "what came out": "results",
}
# Words that are right elsewhere: a path or an SVG has a direction, a walk along an edge too.
IN_NAMES_ONLY = {"direction", "tie", "newcomer"}
OLD = re.compile(
    "|".join(
        rf"(?<![\w-]){re.escape(word)}(?![\w-])" for word in REPLACED if word not in IN_NAMES_ONLY
    )
)
# Pages of their time say what things were called then.
HISTORY = {
    "docs/glossary.md",
    *(f"docs/history/benchmarks-2026-11-{part}.md" for part in ("quality", "splits", "speed")),
}
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    if str(path.relative_to(ROOT)) not in HISTORY
)


def helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """The whole help of every command, by its name."""
    yield name, command.get_help(click.Context(command, info_name=name))
    for below, one in getattr(command, "commands", {}).items():
        yield from helps(one, f"{name} {below}")


def models(base: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    """All pydantic models of the packages: config, mapping, policy, schema files and manifests."""
    for model in base.__subclasses__():
        yield from models(model)
        if model.__module__.split(".")[0] in ("graphdb", "graphrec", "training"):
            yield model


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_an_old_word(page):
    assert OLD.findall((ROOT / page).read_text()) == []


def test_no_help_has_an_old_word():
    found = dict(helps(typer.main.get_command(build_app()), "graphrec"))
    assert len(found) > 20
    assert {name: OLD.findall(text) for name, text in found.items() if OLD.search(text)} == {}


def test_no_setting_has_an_old_name():
    found = {name for model in models() for name in model.model_fields}
    assert {*TrainConfig.model_fields, *TableEntry.model_fields, "batch_size"} <= found
    assert found & REPLACED.keys() == set()


def defined(tree: ast.Module) -> Iterator[str]:
    """Every name that a module defines: functions, classes, arguments, variables, fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


@pytest.mark.parametrize("package", ["graphdb", "graphrec", "training"])
def test_no_name_in_the_code_is_an_old_one(package):
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / package).rglob("*.py")
        for name in defined(ast.parse(path.read_text()))
        if name.lstrip("_") in REPLACED
    }
    assert found == set()


def said(tree: ast.Module) -> Iterator[str]:
    """Every text in what a module raises."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


@pytest.mark.parametrize("package", ["graphdb", "graphrec", "training"])
def test_no_error_has_an_old_word(package):
    texts = [
        text
        for path in (ROOT / package).rglob("*.py")
        for text in said(ast.parse(path.read_text()))
    ]
    assert len(texts) > 100
    assert [text for text in texts if OLD.search(text)] == []


def test_no_public_name_is_an_old_one():
    names = {*graphrec.__all__, *vars(graphdb.errors), *vars(graphrec.Recommender)}
    assert "InsufficientDataError" in names
    assert names & REPLACED.keys() == set()


@pytest.mark.parametrize("text", ["`--keep`", "a beta of 2", "BadFilterError: no", "spectral"])
def test_an_old_word_would_be_found(text):
    assert OLD.search(text)
