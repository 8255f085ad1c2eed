"""A config as TOML: what is written is what is read."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphdb.errors import FileAccessError, TrainingError
from training.config import TrainConfig, load_config, to_toml, write_config

KEYS = st.text(max_size=20).filter(lambda key: key.isprintable() or key)
NUMBERS = st.floats(0.001, 10)
CONFIGS = st.builds(
    dict,
    target_edge_type=st.text(max_size=20),
    top_k=st.integers(1, 1000),
    popularity=st.builds(
        dict,
        weight=st.floats(0, 1000),
        half_life_days=st.one_of(st.none(), st.floats(1e-9, 1e300)),
    ),
    svd=st.builds(
        dict,
        weight=st.floats(1e-6, 1000),
        singular_value_exponent=st.floats(-1, 3),
        half_life_days=st.floats(1e-9, 1e300),
        edge_type_weights=st.dictionaries(KEYS, NUMBERS, max_size=3),
        seed=st.integers(0, 2**63 - 1),
    ),
    graph=st.builds(
        dict,
        weight=st.floats(0, 1000),
        num_random_negatives=st.one_of(st.integers(0, 9), st.just("all")),
        patience=st.one_of(st.none(), st.integers(1, 9)),
        learn_relation_weights=st.booleans(),
        supervision=st.dictionaries(KEYS, NUMBERS, min_size=1, max_size=3),
    ),
)


@settings(max_examples=60)
@given(CONFIGS)
def test_what_is_written_is_what_is_read(content):
    config = TrainConfig.model_validate(content)
    assert TrainConfig.model_validate(tomllib.loads(to_toml(config))) == config


def test_defaults_are_written_out():
    text = to_toml(TrainConfig())
    assert "[svd]\nweight = 1.0" in text
    assert f"dim = {TrainConfig().svd.dim}" in text
    assert "[graph]\nweight = 0.0\ndim = 64\nnum_layers = 1" in text
    assert "supervision" not in text  # they are chosen by the data


def test_what_toml_cannot_say():
    config = TrainConfig.model_validate({"svd": {"half_life_days": None}})
    with pytest.raises(TrainingError, match=r"'svd.half_life_days' is None, which TOML cann"):
        to_toml(config)


def test_a_file_is_never_written_over_unless_told(tmp_path):
    path = tmp_path / "deeper" / "best.toml"
    write_config(path, TrainConfig(top_k=5), "first\nsecond", overwrite=False)
    assert path.read_text().startswith(
        '# first\n# second\n\ntarget_edge_type = "User-PURCHASED-Product"'
    )
    assert load_config(path) == TrainConfig(top_k=5)
    with pytest.raises(TrainingError, match=r"best.toml' exists already; .*\(--overwrite\)"):
        write_config(path, TrainConfig(), "", overwrite=False)
    write_config(path, TrainConfig(top_k=6), "", overwrite=True)
    assert load_config(path).top_k == 6
    assert [one.name for one in path.parent.iterdir()] == ["best.toml"]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileAccessError, match="part of the path is a file, not a folder"):
        write_config(tmp_path / "file" / "best.toml", TrainConfig(), "", overwrite=False)
