"""KuaiRand-Pure, short video: the creators of what a user will watch for long.

The training part is the history (the last 50 of what every user watched, liked and watched long);
the validation part the events of the next days. When the later test part is measured, the
validation part is past too and is learned from. A creator whom a user knows can be an answer: what
is asked is who will be watched, not who is new. A second question asks for the new ones alone.

What is watched was shown before, and the platform shows what it takes for popular or fitting. All
events here have is_rand = 0, so there is no random exposure to measure on. In its place, a third
question takes exposure as given: of the creators that a user was shown, the watched ones are to
stand first (its ndcg; nearly all lists are shorter than k).
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.data.base import (
    DataSet,
    EvalTask,
    Rows,
    Split,
    counts_of,
    graph_of,
    of_sources,
    rows_of,
    unrolled,
)
from graphdb.schema import extend_schema
from graphdb.schema_types import EdgeType
from graphrec.bundle import Adjacency
from training.pairs import without

WITH_LONG_VIEWS = extend_schema(Path(__file__).with_name("kuairand_schema.toml"))
WATCHED = WITH_LONG_VIEWS.edge_type("WATCHED")
LIKED = WITH_LONG_VIEWS.edge_type("LIKED")
WATCHED_LONG = WITH_LONG_VIEWS.edge_type("WATCHED_LONG")
FOLLOWS = WITH_LONG_VIEWS.edge_type("FOLLOWS", "User", "Creator")
PUBLISHED = WITH_LONG_VIEWS.edge_type("PUBLISHED")
TAGGED = WITH_LONG_VIEWS.edge_type("TAGGED", "Content", "Tag")


def read(folder: Path, validate: bool) -> Split:
    """From history, contents, users, events_val and events_test.parquet."""
    contents = pq.read_table(folder / "contents.parquet")
    names = contents["creator"].unique()
    creators = rows_of(contents["creator"], names)  # [num_contents]; a content's row is its id
    num_users = pq.read_metadata(folder / "users.parquet").num_rows
    num_contents, num_creators = len(creators), len(names)
    tags, num_tags = _tags(contents["tags"])
    events = _history(folder / "history.parquet")
    asked = pq.read_table(folder / "events_val.parquet")
    if not validate:
        for edge_type, more in _events(asked, creators).items():
            events[edge_type] = np.concatenate([events.get(edge_type, more[:, :0]), more], axis=1)
        asked = pq.read_table(folder / "events_test.parquet")
    published = np.stack([creators, np.arange(num_contents)])
    graph = graph_of(
        {"User": num_users, "Content": num_contents, "Creator": num_creators, "Tag": num_tags},
        {**events, PUBLISHED: published, TAGGED: tags},
    )

    def creators_of(watched: Rows) -> Adjacency:
        return Adjacency.from_edges(watched[0], creators[watched[1]], num_users, num_creators)

    truth = creators_of(_ends(asked, "long_view"))
    known = creators_of(np.concatenate([events[WATCHED], events[WATCHED_LONG]], axis=1))
    nothing = creators_of(events[WATCHED][:, :0])
    shown = creators_of(np.stack([asked[name].to_numpy() for name in ("user_id", "video_id")]))
    choices = of_sources(truth, truth.degrees() < shown.degrees())
    popular = counts_of(creators[events[WATCHED_LONG][1]], num_creators)
    questions = (
        EvalTask("creators for a user", "User", "Creator", nothing, truth, popular),
        EvalTask(
            "new creators for a user", "User", "Creator", known, without(truth, known), popular
        ),
        EvalTask("of those shown", "User", "Creator", nothing, choices, popular, shown=shown),
    )
    return Split(graph, questions)


def _history(path: Path) -> dict[EdgeType, Rows]:
    """Lists of contents per user as events, in order of time for each user."""
    table = pq.read_table(path)
    users = table["user"].to_numpy().astype(np.int64)
    lists = {WATCHED: "watched", LIKED: "liked", WATCHED_LONG: "watched_long"}
    found = {}
    for edge_type, name in lists.items():
        owners, watched = unrolled(users, table[name])
        found[edge_type] = np.stack([owners, watched.to_numpy().astype(np.int64)])
    return found


def _events(table: pa.Table, creators: Rows) -> dict[EdgeType, Rows]:
    """What the users did, in the relations of the graph."""
    users, contents = _ends(table, "is_follow")
    return {
        WATCHED: _ends(table, "is_click"),
        LIKED: _ends(table, "is_like"),
        WATCHED_LONG: _ends(table, "long_view"),
        FOLLOWS: np.stack([users, creators[contents]]),
    }


def _ends(table: pa.Table, flag: str) -> Rows:
    """User and content of the events that have the flag."""
    chosen = table.filter(pc.equal(table[flag], 1))
    return np.stack([chosen["user_id"].to_numpy(), chosen["video_id"].to_numpy()])


def _tags(column: pa.ChunkedArray) -> tuple[Rows, int]:
    """Content and tag of every tag of every content, and how many tags there are."""
    contents, tags = unrolled(np.arange(len(column)), pc.split_pattern(column, ","))
    names = tags.unique()
    return np.stack([contents, rows_of(tags, names)]), len(names)


KUAIRAND_PURE = DataSet("kuairand-pure", WATCHED_LONG, 20, read, schema=WITH_LONG_VIEWS)
