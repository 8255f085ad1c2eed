"""Short vectors: what a reader gets is near what was written, and exactly zero where that was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from graphdb.errors import BundleCorruptError
from graphrec import Recommender
from graphrec.bundle import open_bundle, write_bundle
from graphrec.bundle.short_vectors import ShortVectors, bytes_per_node, rounded_to

SHORT = ("float16", "int8")
NUMBERS = st.floats(-1e3, 1e3, width=32).filter(lambda x: x == 0 or abs(x) > 1e-20)
MATRICES = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=NUMBERS)


@pytest.mark.parametrize("vector_type", SHORT)
@given(vectors=MATRICES)
def test_numbers_are_within_half_a_step(vector_type, vectors):
    short = ShortVectors.of(vectors, vector_type)
    found = short.decoded()
    scaled = np.abs(vectors.astype(np.float64) / short.column_scales)
    largest = scaled.max(axis=1, keepdims=True) * short.column_scales
    if vector_type == "int8":
        bound = largest / 127 / 2
    else:  # 11 bits, and of what is far below the largest the distance of subnormal numbers
        bound = np.maximum(np.abs(vectors) * 2.0**-11, largest * 2.0**-24)
    assert (np.abs(found - vectors.astype(np.float64)) <= bound * (1 + 1e-5)).all()


@pytest.mark.parametrize("vector_type", SHORT)
@given(vectors=MATRICES)
def test_rows_are_zero_where_they_were_and_nowhere_else(vector_type, vectors):
    found = rounded_to(vectors, vector_type)
    np.testing.assert_array_equal(found.any(axis=1), vectors.any(axis=1))


@pytest.mark.parametrize("vector_type", SHORT)
@given(vectors=MATRICES)
def test_scales_of_columns_round_nothing(vector_type, vectors):
    short = ShortVectors.of(vectors, vector_type)
    rows = short.codes.astype(np.float64) * short.row_scales[:, None]
    by_hand = rows.astype(np.float32).astype(np.float64) * short.column_scales
    np.testing.assert_array_equal(short.decoded(), by_hand)


def test_a_block_a_thousand_times_shorter_keeps_its_digits():
    vectors = np.random.default_rng(0).standard_normal((500, 16)).astype(np.float32)
    vectors[:, 8:] /= 1000
    gap = np.abs(rounded_to(vectors, "int8") - vectors)
    assert gap[:, :8].max() < 0.02 and gap[:, 8:].max() < 0.02 / 1000


@pytest.mark.parametrize("vector_type", SHORT)
def test_a_bundle_with_short_vectors_answers_by_what_it_holds(content, tmp_path, vector_type):
    bundle = write_bundle(tmp_path / "short", **content, vector_type=vector_type)
    whole = {name: rounded_to(rows, vector_type) for name, rows in content["vectors"].items()}
    same = write_bundle(tmp_path / "whole", **{**content, "vectors": whole})
    for name, rows in whole.items():
        found = open_bundle(bundle.folder).vectors(name)
        np.testing.assert_array_equal(found, rows)
        assert found.dtype == np.float32 and not found.flags.writeable
    users = [bundle.id_of("User", row) for row in np.flatnonzero(whole["User"].any(axis=1))]
    one, other = Recommender(bundle), Recommender(same)
    for user in users[:20]:
        assert one.products_for_user(user).ids == other.products_for_user(user).ids
    assert bundle.manifest.vector_type == vector_type
    assert bundle.manifest.release_id != same.manifest.release_id


def test_a_bundle_without_its_scales_is_refused(content, tmp_path):
    bundle = write_bundle(tmp_path / "short", **content, vector_type="int8")
    manifest = bundle.folder / "manifest.json"
    text = manifest.read_text().replace("vectors/User.scales.npy", "vectors/User.scale.npy")
    manifest.write_text(text)
    with pytest.raises(BundleCorruptError, match=r"disagree about 'vectors/User.scale"):
        open_bundle(bundle.folder)


def test_float32_has_no_codes():
    vectors = np.ones((2, 3), dtype=np.float32)
    assert rounded_to(vectors, "float32") is vectors
    with pytest.raises(ValueError, match="as they are"):
        ShortVectors.of(vectors, "float32")
    assert [bytes_per_node(100, one) for one in ("float32", *SHORT)] == [400, 204, 104]
