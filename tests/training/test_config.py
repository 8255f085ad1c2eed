"""What a TOML file may say, and what is said when it is wrong."""

import pytest

from graphdb.errors import TrainingError
from training.config import TrainConfig, load_config, make_config, preset_path


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "train.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_what_is_left_out_keeps_its_default(write):
    assert load_config(write("")) == TrainConfig()
    config = load_config(
        write(
            """
            top_k = 10
            [svd]
            dim = 64
            half_life_days = 7.5
            [svd.edge_type_weights]
            "Product-MADE_BY-Brand" = 0.1
            """
        )
    )
    assert (config.top_k, config.svd.dim, config.svd.half_life_days) == (10, 64, 7.5)
    assert config.svd.edge_type_weights == {"Product-MADE_BY-Brand": 0.1}
    assert config.svd.singular_value_exponent == TrainConfig().svd.singular_value_exponent


def test_options_go_before_the_file(write):
    path = write("[svd]\ndim = 64\nseed = 5")
    config = make_config(path, {"dim": 128})
    assert (config.svd.dim, config.svd.seed) == (128, 5)
    assert make_config(None, {}) == TrainConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("top_kk = 3", r"train.toml, line 1: unknown key 'top_kk'; did you mean 'top_k'"),
        ("[svd]\ndims = 64", r"line 2: unknown key 'dims'; did you mean 'dim'\?"),
        ("[svd]\nhalf_life = 9", r"line 2: unknown key 'half_life'; .*'half_life_days'\?"),
        ("[svd]\ndim = 31", r"line 2: 'svd.dim': .*greater than or equal to 32"),
        ("[svd]\ndim = 1025", r"line 2: 'svd.dim': .*less than or equal to 1024"),
        ("[svd]\ndim = 'wide'", r"line 2: 'svd.dim': .*valid integer"),
        ("[svd]\nsingular_value_exponent = nan", r"line 2: 'svd.singular_value_exponent': "),
        ("[svd]\nhalf_life_days = 0", r"'svd.half_life_days': .*greater"),
        ("[svd]\nitem_popularity_exponent = 1.5", r"'svd.item_popularity_exponent': "),
        ("[svd.edge_type_weights]\nx = -1", r"line 2: 'svd.edge_type_weights.x': "),
        ("svd = 3", r"line 1: 'svd': "),
        ("dim = 64", r"unknown key 'dim'; known keys: target_edge_type, group, top_k, svd"),
        ("dim = x", r"train.toml is not valid TOML: .*line 1"),
    ],
)
def test_wrong_files(write, text, message):
    with pytest.raises(TrainingError, match=message):
        load_config(write(text))


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(TrainingError, match=r"'.*none.toml' cannot be read: there is no such file"):
        load_config(tmp_path / "none.toml")
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TrainingError, match=r"binary\.toml, line 1: byte 0xff is not UTF-8"):
        load_config(path)


def test_an_option_out_of_range():
    with pytest.raises(TrainingError, match=r"'svd.dim' cannot be 7"):
        make_config(None, {"dim": 7})


@pytest.mark.parametrize(
    ("name", "model"),
    [("quick", "svd"), ("default", "concat"), ("max", "concat"), ("discover", "concat")],
)
def test_every_preset_is_a_valid_file(name, model):
    assert load_config(preset_path(name)).model == model


def test_presets_are_what_the_folder_holds():
    with pytest.raises(
        TrainingError, match=r"no preset .fast.; expected one of default, discover, max, q"
    ):
        preset_path("fast")


def test_one_option_can_go_to_both_halves():
    config = make_config(preset_path("default"), {"seed": 3, "dim": 64}, {"seed": 3})
    assert (config.svd.seed, config.graph.seed, config.svd.dim) == (3, 3, 64)
