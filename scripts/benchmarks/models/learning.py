"""The encoders of `graphrec train`, learned one after the other, and how long each took."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.harness import Timer
from graphdb.checked_schema import Schema
from graphdb.schema_types import EdgeType
from training.config import TrainConfig
from training.data import HeteroData
from training.encoders import (
    ConcatEncoder,
    Encoder,
    FittedVectors,
    GraphEncoder,
    SvdEncoder,
    Vectors,
)
from training.gnn.trainer import Epoch

ENCODERS = ("svd", "graph", "concat")


@dataclass(frozen=True, slots=True)
class Learned:
    """What an encoder gave.

    Args:
        model: One of ENCODERS.
        label: The same with its block weight.
    """

    model: str
    label: str
    vectors: Vectors
    seconds: float


def learned_by(
    models: Collection[str],
    graph: HeteroData,
    schema: Schema,
    target_edge_type: EdgeType,
    config: TrainConfig,
    say: Callable[[str], None],
    *,
    block_weights: Sequence[float] = (),
    device: str | None = None,
) -> Iterator[Learned]:
    """Some of ENCODERS; both blocks of "concat" come too, as they are learned anyway.

    Args:
        block_weights: Of the network in "concat", to try; none for that of the config.
    """

    def tell(epoch: Epoch) -> None:
        say(f"epoch {epoch.number}: loss {epoch.loss:.3f}, {epoch.seconds:.1f} s")

    encoders: dict[str, Encoder] = {
        "svd": SvdEncoder(schema, target_edge_type, config.svd),
        "graph": GraphEncoder(schema, config.graph, device, on_epoch=tell),
    }
    timer, kept = Timer(), {}
    for model, encoder in encoders.items():
        if model in models or "concat" in models:
            with timer:
                vectors = encoder.fit(graph)
            kept[model] = Learned(model, model, vectors, timer.clock.last)
            yield kept[model]
    if "concat" in models:
        parts = [FittedVectors(one.vectors) for one in kept.values()]
        for weight in block_weights or [config.graph.weight]:
            concat = ConcatEncoder(parts, (1.0, weight), target_edge_type.source, "even")
            with timer:
                vectors = concat.fit(graph)
            seconds = sum(one.seconds for one in kept.values()) + timer.clock.last
            yield Learned("concat", f"concat, network weighs {weight:g}", vectors, seconds)
