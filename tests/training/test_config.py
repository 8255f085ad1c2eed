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
            [spectral]
            dim = 64
            half_life_days = 7.5
            [spectral.side_weights]
            "Product-MADE_BY-Brand" = 0.1
            """
        )
    )
    assert (config.top_k, config.spectral.dim, config.spectral.half_life_days) == (10, 64, 7.5)
    assert config.spectral.side_weights == {"Product-MADE_BY-Brand": 0.1}
    assert config.spectral.beta == TrainConfig().spectral.beta


def test_options_go_before_the_file(write):
    path = write("[spectral]\ndim = 64\nseed = 5")
    config = make_config(path, {"dim": 128})
    assert (config.spectral.dim, config.spectral.seed) == (128, 5)
    assert make_config(None, {}) == TrainConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("top_kk = 3", r"train.toml, line 1: unknown key 'top_kk'; did you mean 'top_k'"),
        ("[spectral]\ndims = 64", r"line 2: unknown key 'dims'; did you mean 'dim'\?"),
        ("[spectral]\nhalf_life = 9", r"line 2: unknown key 'half_life'; .*'half_life_days'\?"),
        ("[spectral]\ndim = 31", r"line 2: 'spectral.dim': .*greater than or equal to 32"),
        ("[spectral]\ndim = 1025", r"line 2: 'spectral.dim': .*less than or equal to 1024"),
        ("[spectral]\ndim = 'wide'", r"line 2: 'spectral.dim': .*valid integer"),
        ("[spectral]\nbeta = nan", r"line 2: 'spectral.beta': "),
        ("[spectral]\nhalf_life_days = 0", r"'spectral.half_life_days': .*greater"),
        ("[spectral]\nitem_power = 1.5", r"'spectral.item_power': "),
        ("[spectral.side_weights]\nx = -1", r"line 2: 'spectral.side_weights.x': "),
        ("spectral = 3", r"line 1: 'spectral': "),
        ("dim = 64", r"unknown key 'dim'; known keys: direction, group, top_k, spectral"),
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
    with pytest.raises(TrainingError, match=r"'spectral.dim' cannot be 7"):
        make_config(None, {"dim": 7})


@pytest.mark.parametrize(
    ("name", "model"),
    [("quick", "spectral"), ("default", "both"), ("max", "both"), ("discover", "both")],
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
    assert (config.spectral.seed, config.graph.seed, config.spectral.dim) == (3, 3, 64)
