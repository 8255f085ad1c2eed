"""What comes next as it is served: users' parts made from events are those of training."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb.errors import BundleCorruptError, BundleError, QueryError, UnknownIdError
from graphdb.schema import SCHEMA
from graphrec import Recommender
from graphrec.bundle import NextRule, open_bundle
from graphrec.bundle.next_rule import check_next
from training import TrainConfig, train
from training.data import load_graph
from training.encoders import SvdConfig
from training.sequences import Sequences

PURCHASED = SCHEMA.edge_type("PURCHASED")
CONFIG = TrainConfig(
    svd=SvdConfig(dim=32),
    next={"weight": 1.0, "dim": 16},
    # turned into fewer dimensions, but not rounded, so that what is compared is exact
    compression={"enabled": True, "dim": 40, "vector_type": "float32"},
)


@pytest.fixture(scope="module", params=[0, 2], ids=["regression", "softmax"])
def served(planted, tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("next") / "bundle"
    block = CONFIG.next.model_copy(update={"epochs": request.param})
    config = CONFIG.model_copy(update={"next": block})
    train(planted, folder, config=config, holdout_days=None)
    return Recommender.open(folder)


@pytest.fixture(scope="module")
def histories(planted):
    """Per user row the events in their order, as callers of `products_for_events` give them."""
    graph = load_graph(planted)
    sources, products = graph[PURCHASED].edge_index.tolist()
    ids = planted.node_ids("Product").to_pylist()
    found = {}
    for source, product, at_s in sorted(
        zip(sources, products, graph[PURCHASED].at_s.tolist(), strict=True),
        key=lambda event: event[2],
    ):
        event = ("PURCHASED", ids[product], datetime.fromtimestamp(at_s, UTC))
        found.setdefault(source, []).append(event)
    return found


def part(recommender, vector):
    rule = recommender.bundle.manifest.next
    return vector[rule.start : rule.stop]


@settings(max_examples=60, deadline=None)
@given(user=st.integers(0, 239), seed=st.integers(0, 100))
def test_all_events_of_a_user_give_the_trained_part(served, histories, user, seed):
    events = list(histories[user])
    np.random.default_rng(seed).shuffle(events)  # times tell the order
    vector = served._engine.release.fold_in.vector(events, 30.0)
    trained = served.bundle.vectors("User")[user]
    scale = np.abs(part(served, trained)).max()
    np.testing.assert_allclose(part(served, vector), part(served, trained), atol=1e-5 * scale)


@settings(max_examples=40, deadline=None)
@given(
    user=st.integers(0, 239),
    later=st.lists(st.tuples(st.integers(0, 159), st.integers(1, 3)), min_size=1, max_size=8),
    dated=st.booleans(),
)
def test_later_events_are_as_if_training_had_known_them(
    served, planted, histories, user, later, dated
):
    newest = max(at for _, _, at in histories[user])
    ids = planted.node_ids("Product").to_pylist()
    at, events, rows = newest, [], []
    for place, (row, gap) in enumerate(later):
        if gap > 1 or not place or not dated:
            at += timedelta(days=gap)  # else in the same basket
        events.append(("PURCHASED", ids[row], at) if dated else ("PURCHASED", ids[row]))
        rows.append((user, row, int(at.timestamp())))
    graph = load_graph(planted)
    store = graph[PURCHASED]
    own = [
        (source, target, at_s)
        for source, target, at_s in zip(
            *store.edge_index.tolist(), store.at_s.tolist(), strict=True
        )
        if source == user
    ]
    after = graph_of_events({"User": 240, "Product": 160}, own + rows)
    counted = Sequences.of(after, PURCHASED, {PURCHASED: 1.0}).histories(CONFIG.next.decay)
    expected = counted.to_dense()[user].numpy() @ served.bundle.next_sources()
    vector = served._engine.release.fold_in.updated(user, [*histories[user][-3:], *events])
    np.testing.assert_allclose(
        part(served, vector), expected, atol=1e-5 * np.abs(expected).max(), rtol=1e-5
    )
    rule, trained = served.bundle.manifest.next, served.bundle.vectors("User")[user]
    np.testing.assert_array_equal(vector[: rule.start], trained[: rule.start])


def graph_of_events(sizes, rows):
    import torch

    from training.data import HeteroData

    graph = HeteroData()
    for name, number in sizes.items():
        graph[name].num_nodes = number
    columns = torch.tensor(rows, dtype=torch.int64).T
    graph[PURCHASED].edge_index, graph[PURCHASED].at_s = columns[:2], columns[2]
    return graph


def test_recent_events_change_a_known_users_list_and_count_as_seen(served):
    before = served.products_for_user("u001", k=10)
    event = ("PURCHASED", before.ids[0])
    after = served.products_for_user("u001", k=10, recent_events=[event])
    assert before.ids[0] not in after.ids and after.query_id == "u001"
    assert after.ids[:9] != before.ids[1:]
    again = served.products_for_user("u001", recent_events=[event], exclude_seen=False, k=160)
    assert before.ids[0] in again.ids
    same = served.products_for_user("u001", k=10, recent_events=[])
    assert same.ids == before.ids
    assert served.recommend("User", "u001", "Product", recent_events=[event]).ids == after.ids


def test_recent_events_of_someone_unknown_are_all_that_is_known(served):
    events = [("PURCHASED", "p003"), ("PURCHASED", "p007")]
    answer = served.products_for_user("nobody", recent_events=events)
    assert answer.ids == served.products_for_events(events).ids
    skipped = served.products_for_user("u001", recent_events=[*events, ("PURCHASED", "none")])
    assert [one.id for one in skipped.trace.skipped] == ["none"]
    with pytest.raises(QueryError, match="given for a Product"):
        served.recommend("Product", "p001", "User", recent_events=events)
    with pytest.raises(QueryError, match="no event of a user"):
        served.products_for_user("u001", recent_events=[("BOUGHT", "p001")])
    with pytest.raises(UnknownIdError):
        served.products_for_user("nobody", recent_events=[("PURCHASED", "none")])


def test_many_users_are_answered_like_each_alone(served):
    users = ["u001", "u017", "u101"]
    many = served.recommend_many("User", users, "Product", k=10)
    alone = [served.recommend("User", user, "Product", k=10) for user in users]
    assert [answer.ids for answer in many] == [answer.ids for answer in alone]


def test_events_that_are_no_steps_leave_the_part_alone(served):
    vector = served._engine.release.fold_in.updated(3, [("RETURNED", "p001")])
    np.testing.assert_array_equal(vector, served.bundle.vectors("User")[3])


def test_a_bundle_without_the_block_says_so(planted, tmp_path):
    config = TrainConfig(svd=SvdConfig(dim=32), next={"weight": 0.0})
    report = train(planted, tmp_path / "bundle", config=config, holdout_days=None)
    assert report.bundle.manifest.next is None
    with pytest.raises(QueryError, match="no block for what comes next"):
        report.bundle.next_sources()
    recommender = Recommender(report.bundle)
    before = recommender.products_for_user("u001", k=10)
    after = recommender.products_for_user(
        "u001", k=10, recent_events=[("PURCHASED", before.ids[0])]
    )
    assert after.ids[:9] == before.ids[1:]


def test_a_damaged_rule_is_found(served):
    manifest = served.bundle.manifest
    rule, sources = manifest.next, np.array(served.bundle.next_sources())
    sizes = manifest.num_nodes

    def check(changed, array=sources):
        check_next(SCHEMA, changed, array, manifest.dim, sizes)

    check(rule)
    with pytest.raises(BundleError, match="at most"):
        check(rule.model_copy(update={"stop": manifest.dim + 1}))
    with pytest.raises(BundleError, match="source vectors are float32"):
        check(rule, sources[:-1])
    with pytest.raises(BundleError, match="not finite"):
        check(rule, np.full_like(sources, np.nan))
    with pytest.raises(BundleError, match="weight for User-FOLLOWS-Brand"):
        check(rule.model_copy(update={"event_weights": {"User-FOLLOWS-Brand": 1.0}}))
    with pytest.raises(BundleError, match="names"):
        check(rule.model_copy(update={"event_weights": {"User-LOVED-Product": 1.0}}))
    with pytest.raises(ValueError, match="are none"):
        NextRule(node_type="Product", start=3, stop=3, decay=0.5, event_weights={"a": 1.0})


def test_a_missing_or_changed_file_of_source_vectors_is_found(served, tmp_path):
    import shutil

    folder = tmp_path / "bundle"
    shutil.copytree(served.bundle.folder, folder)
    path = folder / "vectors" / "Product.sources.npy"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(BundleCorruptError, match="changed"):
        open_bundle(folder)
    np.save(path, np.zeros((3, 3), np.float32))
    with pytest.raises(BundleCorruptError, match="holds float32"):
        open_bundle(folder, verify=False)
