"""How good are the settings that training chooses itself, on data that no setting was made for?

Two planted worlds, and the standard sets in DATA where it is given. `default` has the same settings
everywhere, `auto` chooses its own on a part of the training pairs; no settings file is read. Beside
them rules that have nothing to choose. Seconds hold choosing and training.
"""

from pathlib import Path

from benchmarks.accuracy import answered
from benchmarks.data import DATASETS, DataSet
from benchmarks.data.planted import DENSE, SPARSE
from benchmarks.harness import Arguments, Bench, Kind, Timer, measure, text
from benchmarks.models.baselines import baseline
from graphrec.bundle.short_vectors import rounded_to
from training.compression import shortened
from training.config import TrainConfig, load_config, preset_path
from training.evaluation.metrics import VectorScorer
from training.models import Run, make_encoder
from training.selection import select_config

PLANTED = {one.name: one for one in (DENSE, SPARSE)}
STANDARD = {name: DATASETS[name] for name in ("gowalla", "yelp2018", "amazon-beauty")}
SETS = PLANTED | STANDARD
BASELINES = ("popularity", "item-knn", "ease", "gf-cf")
PRESETS = ("default", "auto")


def arguments(arguments: Arguments) -> None:
    arguments.add("sets", nargs="*", default=list(PLANTED), help="which of " + ", ".join(SETS))
    arguments.add("--data", type=Path, default=Path(), help="the folder with the data sets")
    arguments.add("--baselines", nargs="*", default=list(BASELINES), choices=BASELINES)
    arguments.threads(2)


def run(bench: Bench) -> None:
    for name in bench.options.sets:
        measured(SETS[name], bench)


def measured(data: DataSet, bench: Bench) -> None:
    split = data.read(bench.options.data / data.name, False)
    asked = split.questions[0]
    table = bench.table(
        f"{data.name}, {asked.taken.num_edges:,} pairs of {asked.truth.num_sources:,} users and "
        f"{asked.truth.num_targets:,} products",
        text("model"),
        measure(f"recall@{data.k}", 4, "higher"),
        measure(f"NDCG@{data.k}", 4, "higher"),
        measure("dimensions", 0),
        measure("seconds", 0),
    )
    timer = Timer()
    for name in bench.options.baselines:
        with timer:
            (scorer,) = baseline(name, split, data, TrainConfig(), {}, None)
        assert scorer is not None  # it answers along the target edge type
        reached = answered(asked, scorer, data.k)
        figures = reached.recall, reached.ndcg, None, timer.clock.last
        bench.say(*table.add(name, *figures, kind=Kind.BASELINE))
    for name in PRESETS:
        config = load_config(preset_path(name))
        with timer:
            if config.selection.enabled:
                chosen = select_config(split.graph, data.schema, data.target_edge_type, config)
                config = chosen.config
                bench.note("; ".join(line.strip() for line in chosen.lines()))
            encoder = make_encoder(data.schema, data.target_edge_type, config, Run())
            whole = encoder.fit(split.graph)
            short = shortened(whole, data.target_edge_type.source, config.compression)
            kind = config.compression.written_as
            vectors = {name: rounded_to(rows, kind) for name, rows in short.items()}
        reached = answered(asked, VectorScorer.along(vectors, data.target_edge_type), data.k)
        dim = vectors[data.target_edge_type.target].shape[1]
        figures = reached.recall, reached.ndcg, dim, timer.clock.last
        bench.say(*table.add(name, *figures, kind=Kind.OURS))
