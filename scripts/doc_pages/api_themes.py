"""Groups the public names of the three packages by theme, for the API reference."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """Names that are described together.

    Args:
        module: Where the names are imported from; by default the package itself.
    """

    title: str
    names: tuple[str, ...]
    intro: str = ""
    module: str = ""


@dataclass(frozen=True)
class Package:
    """One page of the reference.

    Args:
        summary: What the package is for, in a sentence, for the index.
        intro: The beginning of its page.
    """

    name: str
    summary: str
    intro: str
    themes: tuple[Theme, ...]


GRAPHREC = Package(
    "graphrec",
    "Opens a trained bundle and answers queries.",
    "`graphrec` opens a trained bundle and answers queries from it. It needs neither torch nor a "
    "database.",
    (
        Theme(
            "Recommending",
            ("Recommender", "Filters", "Seen"),
            "All queries are methods of `Recommender`. The [cookbook](cookbook.md) has an example "
            "of each.",
        ),
        Theme(
            "Options",
            ("SimilarOptions", "BatchOptions", "Options", "AudienceOptions"),
            "The keyword arguments of the queries.",
            "graphrec.query.options",
        ),
        Theme(
            "Results",
            (
                "Recommendations", "Recommendation", "Batch", "Outcome", "Trace", "Skipped",
                "Portfolio", "Pick", "ReachPoint",
            ),
        ),
        Theme(
            "Governance",
            ("Policy", "read_policy", "Block", "Licence", "OwnBlock", "Exclusion"),
            "[Governance](governance.md) explains policies and their files.",
        ),
        Theme(
            "Explanations",
            ("Explanation",),
            "`Recommender.explain` returns one; see [explaining](explain.md).",
        ),
        Theme(
            "Bundles",
            ("Bundle", "open_bundle", "write_bundle", "Adjacency", "ColdStartRule"),
            "[Formats](formats.md) describes the files.",
        ),
        Theme(
            "Releases",
            ("Registry", "Comparison", "compare_releases"),
            "See [releases](releases.md).",
        ),
        Theme(
            "Errors",
            (
                "GraphRecError", "SchemaError", "DataError", "PolicyError", "StoreError",
                "TrainingError", "BundleError", "BundleMissingError", "BundleVersionError",
                "BundleCorruptError", "RegistryError", "UnknownReleaseError", "QueryError",
                "UnknownIdError", "InvalidFilterError", "FileAccessError", "DiskFullError",
            ),
            "[Errors](errors.md) has the whole tree, with remedies.",
        ),
        Theme("Version", ("__version__",)),
    ),
)  # fmt: skip

GRAPHDB = Package(
    "graphdb",
    "Defines the schema, stores graphs, and writes and reads snapshots.",
    "`graphdb` defines the schema, stores graphs in a file or in Neo4j, checks and ingests tables, "
    "and writes and reads snapshots.",
    (
        Theme(
            "Schema",
            (
                "SCHEMA", "Schema", "extend_schema", "NodeType", "Relation", "Property", "Kind",
                "EdgeType",
            ),
            "[The schema](schema.md) lists all types.",
        ),
        Theme("Graphs of frames", ("Graph",), "See [from pandas](from-pandas.md)."),
        Theme("Stores", ("open_store", "GraphStore", "UpsertCounts")),
        Theme(
            "Deleting",
            ("DeleteReport",),
            "`GraphStore.delete_nodes` and `delete_edges` return one; see [deleting](deleting.md).",
            "graphdb.stores.deletion",
        ),
        Theme("Snapshots", ("write_snapshot", "open_snapshot", "Snapshot")),
        Theme(
            "Sources of tables",
            ("open_source", "propose_mapping", "Proposal"),
            "See [own data](own-data.md).",
        ),
        Theme(
            "Ingest",
            ("ingest", "IngestReport", "TableReport", "IngestWarning", "SourceTable", "Column"),
        ),
        Theme(
            "Exploring Neo4j",
            ("ask", "nearest", "Answer", "FoundNode", "FoundEdge", "FoundPath"),
            "See [exploring](explore.md).",
            "graphdb.explore",
        ),
        Theme(
            "Bulk load into Neo4j",
            ("AdminTool", "bulk_import", "bulk_ingest", "write_bulk_files"),
            "See [bulk load](bulk-load.md).",
            "graphdb.stores.neo4j.bulk",
        ),
    ),
)  # fmt: skip

TRAINING = Package(
    "training",
    "Trains, evaluates and tunes models.",
    "`training` turns a snapshot into a bundle, measures models and tunes them. It needs the extra "
    "`train`. Names are imported when they are first used.",
    (
        Theme(
            "Training",
            ("train", "TrainReport", "Run", "Epoch"),
            "See [training](training.md).",
        ),
        Theme(
            "Config",
            (
                "TrainConfig", "SvdConfig", "GnnConfig", "ProfileConfig", "EngagementConfig",
                "PopularityConfig", "ColdStartConfig", "QualityConfig", "load_config",
                "write_config", "presets", "preset_path",
            ),
            "[The training config](config.md) lists all keys of a config file.",
        ),
        Theme(
            "Evaluation",
            (
                "evaluate", "EvaluateOptions", "Evaluation", "read_evaluation", "compare_models",
                "write_report", "WrittenReport",
            ),
            "See [evaluation](evaluation.md) and [the report](report.md).",
        ),
        Theme(
            "Tuning",
            (
                "tune", "TuneOptions", "TuneReport", "Trial", "Split", "Space", "Dimension",
                "default_space", "load_space",
            ),
        ),
        Theme(
            "Encoders",
            (
                "Encoder", "Vectors", "SvdEncoder", "GraphEncoder", "ConcatEncoder",
                "FittedVectors", "load_graph", "Holdout", "hold_out_last",
            ),
            "[Contributing](contributing.md#how-to-add) shows how to write an encoder.",
        ),
        Theme(
            "Baselines",
            (
                "Baseline", "EncoderBaseline", "Popularity", "RecentPopularity",
                "RecentPopularityConfig", "ViewedNotBought", "ViewedNotBoughtConfig",
                "ViewedByConversion", "ViewedByConversionConfig", "ViewedByItemKnn",
                "ViewedThenBought", "ItemKnn",
                "ItemKnnConfig", "Ials", "IalsConfig", "Ease", "EaseConfig", "LowRankEase",
                "LowRankEaseConfig", "GfCf", "GfCfConfig", "LightGcnBpr", "LightGcnBprConfig",
                "MostFollowers", "CategorySales",
            ),
        ),
    ),
)  # fmt: skip

PACKAGES = (GRAPHREC, GRAPHDB, TRAINING)
