"""Accuracy on standard splits, beside published figures: python scripts/bench_accuracy.py DATA.

DATA is a folder with one folder per data set, see scripts/bench_data; the settings of each stand
in scripts/bench_settings. With --validate, a part of the training pairs is held out and measured
instead of the test part: the way to choose settings. Seconds hold everything from reading the files
to the vectors, but not the ranking of the test.
"""

import argparse
import platform
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
from bench_baselines import ials, popularity
from bench_data import DATASETS, DataSet, Published, Question, Split
from rich.console import Console
from rich.table import Table

from graphrec.bundle import Adjacency
from training.config import TrainConfig, load_config
from training.encoders import Encoder, GraphEncoder, SpectralEncoder, Vectors
from training.encoders.two_halves import side_by_side
from training.gnn.products import owners_of
from training.gnn.trainer import Epoch
from training.scoring import Reached, Scorer, VectorScorer, reached_at_k
from training.sparse import csr_of

MODELS = ("popularity", "ials", "spectral", "graph", "both")

_NOT_SHOWN = -1e30  # scores have to be finite


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    console = Console(width=None if Console().is_terminal else 120)
    for name in options.sets:
        for seed in options.seeds:
            console.print(table_of(DATASETS[name], seed, options, console))


def table_of(data: DataSet, seed: int, options: argparse.Namespace, console: Console) -> Table:
    began = time.perf_counter()
    split = data.read(options.data / data.name, options.validate)
    read_s = time.perf_counter() - began
    config = settings_of(data.name, seed, options.set)
    best = None if options.validate or not data.published else data.published[-1]
    part = "validation" if options.validate else "test"
    table = Table(
        title=f"{data.name}, {part} part, seed {seed}, {date.today()}, "
        f"{options.threads} threads of {platform.processor() or platform.machine()}, "
        f"torch {torch.__version__}",
        header_style="bold",
    )
    table.add_column("asked")
    table.add_column("model")
    for heading in (
        f"recall@{data.k}", f"ndcg@{data.k}", f"hits@{data.k}", "seconds", "recall to published",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for one in () if options.validate else data.published:
        table.add_row("", *cells(f"published: {one.name}", one, None, best))
    for model, scorers, seconds in fitted(split, data, config, options, console):
        for asked, scorer in zip(split.questions, scorers, strict=True):
            reached = answered(asked, scorer, data.k)
            console.print(
                f"{asked.name}, {model}: {reached.recall:.4f} {reached.ndcg:.4f}, "
                f"{read_s + seconds:.0f} s"
            )
            table.add_row(asked.name, *cells(model, reached, read_s + seconds, best))
    return table


def answered(asked: Question, scorer: Scorer, k: int) -> Reached:
    """How much of what is true a model finds."""
    if asked.shown is not None:
        scorer = AmongShown(scorer, asked.shown)
    return reached_at_k(
        scorer, csr_of(asked.taken), csr_of(asked.truth), k, candidates=asked.candidates
    )


@dataclass(frozen=True, slots=True, eq=False)
class AmongShown:
    """The scores of another, with what a seed was not shown far below all else."""

    inner: Scorer
    shown: Adjacency

    @property
    def num_targets(self) -> int:
        return self.inner.num_targets

    def scores(self, rows: torch.Tensor) -> torch.Tensor:
        scores = self.inner.scores(rows)
        lengths = torch.from_numpy(self.shown.degrees())[rows]
        places = owners_of(lengths), torch.from_numpy(self.shown.gather(rows.numpy())).long()
        found = torch.full_like(scores, _NOT_SHOWN)
        found[places] = scores[places]
        return found


def fitted(
    split: Split,
    data: DataSet,
    config: TrainConfig,
    options: argparse.Namespace,
    console: Console,
) -> Iterator[tuple[str, list[VectorScorer], float]]:
    """Every model's scorers, one for each question, and the seconds that they took."""
    if "popularity" in options.models:
        yield "popularity", [popularity(asked) for asked in split.questions], 0.0
    if "ials" in options.models:
        began = time.perf_counter()
        scorers = ials(split, data, config)
        yield "ials", scorers, time.perf_counter() - began
    for model, vectors, seconds in vectors_of(split, data, config, options, console):
        yield model, [scorer_of(vectors, asked) for asked in split.questions], seconds


def scorer_of(vectors: Vectors, asked: Question) -> VectorScorer:
    """From what an encoder gave; between two types either may be asked for the other."""
    return VectorScorer(*(torch.from_numpy(vectors[end]) for end in (asked.source, asked.target)))


def vectors_of(
    split: Split,
    data: DataSet,
    config: TrainConfig,
    options: argparse.Namespace,
    console: Console,
) -> Iterator[tuple[str, Vectors, float]]:
    """The vectors of every encoder, and the seconds that they took."""

    def tell(epoch: Epoch) -> None:
        console.print(f"epoch {epoch.number}: loss {epoch.loss:.3f}, {epoch.seconds:.1f} s")

    encoders: dict[str, Encoder] = {
        "spectral": SpectralEncoder(data.schema, data.direction, config.spectral),
        "graph": GraphEncoder(data.schema, config.graph, options.device, on_epoch=tell),
    }
    kept: dict[str, tuple[Vectors, float]] = {}
    for model, encoder in encoders.items():
        if model in options.models or "both" in options.models:
            began = time.perf_counter()
            vectors = encoder.fit(split.graph)
            seconds = time.perf_counter() - began
            kept[model] = vectors, seconds
            yield model, vectors, seconds
    if "both" in options.models:
        (first, first_s), (second, second_s) = kept["spectral"], kept["graph"]
        for balance in options.balances if options.validate else [config.balance]:
            began = time.perf_counter()
            both = side_by_side(first, second, data.direction.source, balance)
            seconds = first_s + second_s + time.perf_counter() - began
            yield f"both, {balance:g} to 1", both, seconds


def settings_of(name: str, seed: int, changes: list[str]) -> TrainConfig:
    """The settings of a data set, with some in the place of the file's."""
    content = load_config(Path(__file__).with_name("bench_settings") / f"{name}.toml").model_dump()
    content["spectral"]["seed"] = content["graph"]["seed"] = seed
    for change in changes:
        content = merged(content, tomllib.loads(change))
    return TrainConfig.model_validate(content)


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The base with the values of the change, table by table."""
    both = dict(base)
    for key, value in change.items():
        both[key] = merged(base.get(key, {}), value) if isinstance(value, dict) else value
    return both


def cells(
    name: str, reached: Reached | Published, seconds: float | None, best: Published | None
) -> list[str]:
    return [
        name,
        f"{reached.recall:.4f}",
        f"{reached.ndcg:.4f}",
        "" if reached.hit_rate is None else f"{reached.hit_rate:.4f}",
        "" if seconds is None else f"{seconds:.0f}",
        "" if best is None else f"{reached.recall / best.recall:.3f} x",
    ]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the folder with the data sets")
    parser.add_argument("sets", nargs="*", default=list(DATASETS), help="which of them")
    parser.add_argument("--validate", action="store_true", help="measure on a part of train")
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", help="where the network trains; a GPU if there is one")
    parser.add_argument(
        "--set", action="append", default=[], metavar="TOML", help="such as 'graph.dim=64'"
    )
    parser.add_argument(
        "--balances", type=float, nargs="*", default=[1.0, 2.0, 3.0, 4.0], help="with --validate"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
