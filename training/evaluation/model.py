"""The model of the past, as it would have been served at the cut-off."""

from pathlib import Path

from graphdb.snapshot import Snapshot
from graphrec import Recommender
from training.config import TrainConfig
from training.evaluation.past import bundle_of_the_past
from training.evaluation.rankers import Served
from training.models import Run, make_encoder
from training.newcomers import NewcomerLearner
from training.split import Holdout


def model_of_the_past(
    folder: Path, snapshot: Snapshot, holdout: Holdout, config: TrainConfig, run: Run
) -> Served:
    """Learns from what came before the cut-off, writes a bundle of it, and opens that.

    Raises:
        BundleError: The folder exists.
        NotEnoughDataError: There is too little to train on.
    """
    graph, schema = holdout.train_graph, snapshot.schema
    fitted = make_encoder(schema, holdout.edge_type, config, run).fit(graph)
    learner = NewcomerLearner(graph, fitted, schema, holdout.edge_type, config.newcomers)
    rules = learner.rules()
    bundle = bundle_of_the_past(
        folder,
        snapshot,
        holdout,
        learner.applied(rules),
        config={"encoder": config.model, **config.model_dump()},
        newcomers=rules,
        quality=config.quality,
    )
    return Served(config.model, Recommender(bundle))
