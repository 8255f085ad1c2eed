"""Building indexes into a bundle, opening them, and every way they can be wrong."""

import hashlib
import json
import shutil

import numpy as np
import pyarrow as pa
import pytest
from contracts.topk_oracle import COSINE, DOT, same_bits

from graphdb.errors import BundleCorruptError, BundleError, QueryError
from graphdb.schema import SCHEMA
from graphrec import Recommender, open_bundle, write_bundle
from graphrec.query import topk
from graphrec.query.embeddings import EmbeddingMatrix
from graphrec.query.index import IndexConfig, build, build_index, ivf
from graphrec.query.release import Indexes
from graphrec.query.topk import Method, planned_top_k, top_k

NUM_PRODUCTS, NUM_USERS, DIM = 3_000, 150, 16
SMALL = {"min_targets": 1_000, "num_queries": 40}


def node_table(node_type, size):
    arrow = SCHEMA.arrow_schema(node_type)
    ids = pa.array([f"{node_type}{row:06d}" for row in range(size)])
    key = SCHEMA.node_type(node_type).key
    columns = [ids if field.name == key else pa.nulls(size, field.type) for field in arrow]
    return pa.Table.from_arrays(columns, schema=arrow)


def vectors(size, seed):
    random = np.random.default_rng(seed)
    found = random.normal(size=(size, DIM)) * np.arange(1, DIM + 1) ** -0.7
    return (found * np.exp(0.6 * random.normal(size=(size, 1)))).astype(np.float32)


@pytest.fixture(scope="module")
def plain_path(tmp_path_factory):
    """A bundle without indexes; a few products have a zero vector."""
    path = tmp_path_factory.mktemp("index") / "plain"
    products = vectors(NUM_PRODUCTS, 0)
    products[:5] = 0
    write_bundle(
        path,
        schema=SCHEMA,
        snapshot_id="s",
        cutoff=None,
        nodes={
            "Product": node_table("Product", NUM_PRODUCTS),
            "User": node_table("User", NUM_USERS),
        },
        vectors={"Product": products, "User": vectors(NUM_USERS, 1)},
        edges={},
        config={},
        metrics={},
    )
    return path


@pytest.fixture(scope="module")
def built_path(tmp_path_factory, plain_path):
    """Per kind a bundle with its indexes."""
    folder = tmp_path_factory.mktemp("built")
    for kind in ("bounds", "ivf"):
        shutil.copytree(plain_path, folder / kind)
        build_index(folder / kind, IndexConfig(kind=kind, **SMALL))
    return folder


@pytest.fixture
def copied(tmp_path, built_path):
    def copy(kind):
        return shutil.copytree(built_path / kind, tmp_path / kind)

    return copy


@pytest.fixture
def index_is_free(monkeypatch):
    monkeypatch.setattr(topk, "_INDEX_CALL", -1e12)


def spaces_of(path, *, verify=True, **settings):
    bundle = open_bundle(path, verify=verify)
    spaces = {
        name: EmbeddingMatrix.of(bundle.vectors(name), bundle.norms(name))
        for name in ("Product", "User")
    }
    return spaces, Indexes(bundle, spaces.__getitem__, **settings)


def edit_manifest(folder, change):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize("kind", ["bounds", "ivf"])
def test_the_manifest_tells_what_was_measured(built_path, plain_path, kind):
    bundle = open_bundle(built_path / kind)
    entries = bundle.manifest.indexes
    assert sorted(entries) == ["Product.cosine", "Product.dot"]  # users are too few
    assert entries["Product.dot"].queries == {"User": 40}
    assert entries["Product.cosine"].queries == {"Product": 40}
    for entry in entries.values():
        asked = {(one.k, one.share) for one in entry.measured}
        assert asked == {(k, share) for k in (10, 100) for share in (1.0, 0.1, 0.01)}
        assert all(one.recall >= (1 if kind == "bounds" else 0.99) for one in entry.measured)
    assert set(entries["Product.dot"].paths) < set(bundle.manifest.files)
    assert bundle.manifest.release_id == open_bundle(plain_path).manifest.release_id


def test_what_the_manifest_says_of_an_approximate_index_holds_for_other_masks(built_path):
    """Masks a little smaller and larger than those that it was measured with; all users."""
    spaces, indexes = spaces_of(built_path / "ivf")
    served = indexes.of("Product", DOT)
    random = np.random.default_rng(7)
    users = np.arange(NUM_USERS)
    lists = set()
    for one in served.entry.measured:
        for factor in (0.95, 1.3):
            size = int(min(factor * one.share, 1) * NUM_PRODUCTS)
            mask = np.zeros(NUM_PRODUCTS, dtype=bool)
            mask[random.permutation(NUM_PRODUCTS)[:size]] = True
            asked = {"k": one.k, "mask": mask}
            truth, _ = top_k(spaces["User"], users, spaces["Product"], **asked)
            found = served.index.propose(spaces["User"], users, excluded=[], **asked)
            missed = [
                len(np.setdiff1d(true[true >= 0], found.rows[found.positions == position]))
                for position, true in enumerate(truth)
            ]
            assert sum(missed) <= 0.02 * (truth >= 0).sum()
        assert served.index.num_probes(one.k, 0.95 * one.share) == one.probes
        lists.add(one.probes)
    assert 1 < min(lists) < served.index.num_lists  # otherwise nothing was approximate


@pytest.mark.usefixtures("index_is_free")
@pytest.mark.parametrize("kind", ["bounds", "ivf"])
@pytest.mark.parametrize(("similarity", "query_type"), [(DOT, "User"), (COSINE, "Product")])
@pytest.mark.parametrize("share", [None, 0.3])
def test_a_batch_equals_one_by_one_and_again(built_path, kind, similarity, query_type, share):
    spaces, indexes = spaces_of(built_path / kind)
    queries, targets = spaces[query_type], spaces["Product"]
    random = np.random.default_rng(2)
    mask = None if share is None else random.random(NUM_PRODUCTS) < share
    seen = random.integers(0, NUM_PRODUCTS, (50, 20))
    rows = np.arange(20, 70)
    settings = {"k": 7, "similarity": similarity, "mask": mask}
    index = indexes.of("Product", similarity)

    def ask():
        *found, plan = planned_top_k(queries, rows, targets, excluded=seen, index=index, **settings)
        assert plan.method is (Method.BOUNDS if kind == "bounds" else Method.APPROXIMATE)
        return found

    batch = ask()
    assert same_bits(batch, ask())
    for position, row in enumerate(rows):
        alone = top_k(
            queries,
            np.array([row]),
            targets,
            excluded=[seen[position]],
            index=index,
            **settings,
        )
        assert same_bits([part[position : position + 1] for part in batch], alone)
        assert not np.isin(batch[0][position], seen[position]).any()
    assert mask is None or mask[batch[0]].all()
    truth = top_k(queries, rows, targets, excluded=seen, **settings)
    if kind == "bounds":
        assert same_bits(batch, truth)
    hits = [len(set(mine) & set(theirs)) for mine, theirs in zip(batch[0], truth[0], strict=True)]
    assert sum(hits) >= 0.97 * truth[0].size


def test_the_recommender_gives_the_same_answers_with_an_index(world_path, tmp_path, monkeypatch):
    monkeypatch.setattr(topk, "_INDEX_CALL", -1e12)
    path = shutil.copytree(world_path, tmp_path / "world")
    build_index(path, IndexConfig(kind="bounds", min_targets=1))
    plain, indexed = Recommender.open(world_path), Recommender.open(path)
    for user in ("ann", "bob", "cat"):
        assert plain.products_for_user(user) == indexed.products_for_user(user)
        assert plain.brands_for_user(user) == indexed.brands_for_user(user)
    assert plain.similar_products("p1") == indexed.similar_products("p1")
    assert plain.users_for_brand("acme") == indexed.users_for_brand("acme")


def test_auto_takes_the_exact_index_where_it_pays(tmp_path, plain_path, monkeypatch):
    monkeypatch.setattr(topk, "_INDEX_CALL", 0.0)
    monkeypatch.setattr(topk, "_INDEX_QUERY", 0.0)
    path = shutil.copytree(plain_path, tmp_path / "b")
    built = build_index(path, IndexConfig(**SMALL))
    assert [(one.name, one.entry.kind, one.reason) for one in built] == [
        ("Product.dot", "bounds", "exact"),
        ("Product.cosine", "bounds", "exact"),
    ]


def test_auto_builds_nothing_where_nothing_pays(tmp_path, plain_path, monkeypatch):
    monkeypatch.setattr(topk, "_INDEX_CALL", 1e12)
    path = shutil.copytree(plain_path, tmp_path / "b")
    built = build_index(path, IndexConfig(**SMALL))
    assert [one.entry for one in built] == [None, None]
    assert built[0].reason == (
        "the exact index has to read too much; ivf has to look through too many lists"
    )
    assert not open_bundle(path).manifest.indexes


def test_auto_goes_without_faiss_and_says_so(tmp_path, plain_path, monkeypatch):
    monkeypatch.setattr(topk, "_INDEX_CALL", 1e12)
    monkeypatch.setattr(ivf, "find_spec", lambda _: None)
    path = shutil.copytree(plain_path, tmp_path / "b")
    built = build_index(path, IndexConfig(**SMALL))
    assert [one.entry for one in built] == [None, None]
    assert "FAISS is not installed: graphrec[index] brings it" in built[0].reason


def test_auto_takes_faiss_where_only_that_pays(tmp_path, plain_path, monkeypatch):
    monkeypatch.setattr(build, "_pays", lambda _, entry: entry.kind == "ivf")
    path = shutil.copytree(plain_path, tmp_path / "b")
    built = build_index(path, IndexConfig(**SMALL))
    assert [one.entry.kind for one in built] == ["ivf", "ivf"]
    assert built[0].reason == "the exact index has to read too much"


def test_small_types_get_none(tmp_path, plain_path):
    path = shutil.copytree(plain_path, tmp_path / "b")
    assert build_index(path) == []


def test_an_index_that_finds_too_little_is_refused(tmp_path, plain_path, monkeypatch):
    monkeypatch.setattr(ivf, "_DEPTH", 1)
    monkeypatch.setattr(ivf, "_MIN_DEPTH", 1)  # 8 bits alone decide then
    path = shutil.copytree(plain_path, tmp_path / "b")
    with pytest.raises(BundleError, match=r"'Product.dot' is not good enough: ivf finds 0\.\d+"):
        build_index(path, IndexConfig(kind="ivf", min_recall=1, **SMALL))
    assert not open_bundle(path).manifest.indexes


@pytest.mark.usefixtures("index_is_free")
def test_below_the_stated_recall_the_answer_is_exact_and_says_why(copied):
    folder = copied("ivf")

    def worsen(manifest):
        for one in manifest["indexes"]["Product.dot"]["measured"]:
            one["recall"] = 0.9

    edit_manifest(folder, worsen)
    spaces, indexes = spaces_of(folder)
    *_, plan = planned_top_k(
        spaces["User"], np.arange(3), spaces["Product"], k=10, index=indexes.of("Product", DOT)
    )
    assert plan.method is Method.SCAN
    assert "the index finds 0.9000, below 0.99" in plan.reason
    _, lenient = spaces_of(folder, min_recall=0.85)
    *_, plan = planned_top_k(
        spaces["User"], np.arange(3), spaces["Product"], k=10, index=lenient.of("Product", DOT)
    )
    assert (plan.method, plan.recall) == (Method.APPROXIMATE, 0.9)


def test_indexes_are_built_once(copied):
    with pytest.raises(BundleError, match=r"has indexes already: Product\.cosine, Product\.dot"):
        build_index(copied("bounds"), IndexConfig(**SMALL))


@pytest.mark.parametrize("kind", ["bounds", "ivf"])
def test_one_changed_byte_in_any_index_file(copied, kind):
    folder = copied(kind)
    for path in sorted((folder / "index").iterdir()):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(BundleCorruptError, match=f"{path.name}' changed since"):
            open_bundle(folder)
        path.write_bytes(content)
    open_bundle(folder)


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("rows.npy", lambda rows: rows + 1, r"names rows 1 to 3000; expected 0 to 2999"),
        ("heads.npy", lambda heads: heads[:, :-1], r"holds float32 \[3000, \d+\]"),
        ("lengths.npy", lambda lengths: lengths.astype(np.float64), r"holds float64 \[3000\]"),
        ("rotation.npy", lambda turns: turns[:1], r"holds float64 \[1, 16, 16\]"),
    ],
)
def test_a_wrong_array_is_noticed_without_its_hash(copied, part, change, message):
    folder = copied("bounds")
    name = f"index/Product.dot.{part}"
    np.save(folder / name, change(np.load(folder / name)))
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    edit_manifest(folder, lambda manifest: manifest["files"].update({name: digest}))
    with pytest.raises(BundleCorruptError, match=message):
        open_bundle(folder)
    _, indexes = spaces_of(folder, verify=False)
    with pytest.raises(BundleCorruptError, match=message):
        indexes.of("Product", DOT)


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_damaged_file_of_faiss_is_noticed_without_its_hash(copied, damage):
    folder = copied("ivf")
    path = folder / "index" / "Product.dot.faiss"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        faiss = ivf.load_faiss()
        other = faiss.IndexFlatIP(DIM)
        other.add(np.ones((4, DIM), dtype=np.float32))
        faiss.write_index(other, str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = "index/Product.dot.faiss"
    edit_manifest(folder, lambda manifest: manifest["files"].update({name: digest}))
    _, indexes = spaces_of(folder)
    message = "cannot be read by FAISS" if damage == "cut" else "holds 4 vectors of length 16"
    with pytest.raises(BundleCorruptError, match=message):
        indexes.of("Product", DOT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"similarity": "cosine"}, "disagree about 'index/Product.dot.heads.npy'"),
        ({"num_rows": NUM_PRODUCTS + 1}, "does not fit: it is for 3001 rows of Product"),
        ({"width": None}, "an index of kind 'bounds' needs a width"),
        ({"kind": "ivf"}, "an index of kind 'ivf' needs the number"),
    ],
)
def test_a_manifest_that_contradicts_itself(copied, change, message):
    folder = copied("bounds")

    edit_manifest(folder, lambda manifest: manifest["indexes"]["Product.dot"].update(change))
    with pytest.raises(BundleCorruptError, match=message):
        open_bundle(folder, verify=False)


def test_without_faiss_the_error_names_the_extra(built_path, tmp_path, plain_path, monkeypatch):
    monkeypatch.setattr(ivf, "find_spec", lambda _: None)
    _, indexes = spaces_of(built_path / "ivf")
    with pytest.raises(QueryError, match=r"needs FAISS.*install graphrec\[index\]"):
        indexes.of("Product", DOT)
    path = shutil.copytree(plain_path, tmp_path / "b")
    with pytest.raises(QueryError, match=r"needs FAISS.*install graphrec\[index\]"):
        build_index(path, IndexConfig(kind="ivf", **SMALL))
    assert Indexes(open_bundle(plain_path), {}.__getitem__).of("Product", DOT) is None


def test_a_bundle_from_before_norms_were_kept_answers_the_same(plain_path, tmp_path):
    path = shutil.copytree(plain_path, tmp_path / "old")

    def forget(manifest):
        for name in [name for name in manifest["files"] if name.endswith(".norms.npy")]:
            (path / name).unlink()
            del manifest["files"][name]

    edit_manifest(path, forget)
    new, old = Recommender.open(plain_path), Recommender.open(path)
    assert old.bundle.norms("Product") is None
    asked = "User", np.arange(20), "Product"
    settings = {"k": 5, "exclude_seen": False}
    assert same_bits(new.top_rows(*asked, **settings), old.top_rows(*asked, **settings))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 15, 17])
def test_an_approximate_index_has_at_most_as_many_lists_as_targets(size):
    space = EmbeddingMatrix.of(vectors(size, 3))
    index = ivf.IvfIndex.build(space, DOT, seed=0)
    assert 1 <= index.num_lists <= size
    found = index.propose(space, np.arange(size), k=size, mask=None, excluded=[])
    assert found.rows.tolist() == list(range(size)) * size
