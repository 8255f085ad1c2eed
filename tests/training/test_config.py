"""What a TOML file may say, and what is said when it is wrong."""

import re
import tomllib

import pytest

from graphdb.errors import TrainingError
from training.config import (
    RENAMED,
    TrainConfig,
    load_config,
    make_config,
    preset_path,
    presets,
)


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
        ("[svd]\ndim = 7", r"line 2: 'svd.dim': .*greater than or equal to 8"),
        ("[svd]\ndim = 1025", r"line 2: 'svd.dim': .*less than or equal to 1024"),
        ("[svd]\ndim = 'wide'", r"line 2: 'svd.dim': .*valid integer"),
        ("[svd]\nsingular_value_exponent = nan", r"line 2: 'svd.singular_value_exponent': "),
        ("[svd]\nhalf_life_days = 0", r"'svd.half_life_days': .*greater"),
        ("[svd]\nitem_popularity_exponent = 1.5", r"'svd.item_popularity_exponent': "),
        ("[svd.edge_type_weights]\nx = -1", r"line 2: 'svd.edge_type_weights.x': "),
        ("svd = 3", r"line 1: 'svd': "),
        (
            "dim = 64",
            r"unknown key 'dim'; known keys: target_edge_type, group, top_k, selection, svd",
        ),
        ("dim = x", r"train.toml is not valid TOML: .*line 1"),
    ],
)
def test_wrong_files(write, text, message):
    with pytest.raises(TrainingError, match=message):
        load_config(write(text))


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(TrainingError, match=r"'.*none.toml' does not exist"):
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
    [
        ("default", "svd"),
        ("svd-graph", "concat"),
        ("svd-graph-large", "concat"),
        ("svd-graph-popularity", "concat"),
    ],
)
def test_every_preset_is_a_valid_file(name, model):
    assert load_config(preset_path(name)).encoder_name == model


def test_the_preset_without_a_name_is_the_default():
    assert load_config(preset_path("default")) == TrainConfig() == make_config(None, {})


def test_every_preset_is_a_short_commented_difference_from_the_defaults():
    for name, path in presets().items():
        text = path.read_text()
        assert text.startswith("# "), name
        assert len(text.splitlines()) < 20, name
        given = tomllib.loads(text)
        assert given == {
            table: {key: value for key, value in keys.items() if value != default_of(table, key)}
            for table, keys in given.items()
        }, name


def default_of(table, key):
    return getattr(getattr(TrainConfig(), table), key)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("quick", "default"),
        ("max", "svd-graph-large"),
        ("discover", "svd-graph-popularity"),
    ],
)
def test_an_old_preset_names_the_new_one(old, new):
    with pytest.raises(
        TrainingError, match=rf"^there is no preset '{old}'; it is called '{new}' now$"
    ):
        preset_path(old)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'model = "concat"',
            r"'model'; blocks have weights: \[graph\] weight = 0.5 adds the graph",
        ),
        ("balance = 0.5", r"unknown key 'balance'; it is 'weight' in \[graph\] now"),
        ("profile_balance = 1.0", r"it is 'weight' in \[profile\] now"),
        ("engagement_balance = 2.0", r"it is 'weight' in \[engagement\] now"),
        ("popularity = 0.1", r"'popularity': it is a table now: \[popularity\] weight = 0.1"),
        ("popularity_half_life_days = 5.0", r"it is 'half_life_days' in \[popularity\] now"),
        ("[spectral]\ndim = 64", r"unknown key 'spectral'; the table is \[svd\] now"),
        ("[newcomers]\nlength_power = 1", r"'newcomers'; the table is \[cold_start\] now"),
        ("direction = 'a'", r"unknown key 'direction'; it is 'target_edge_type' now"),
        ("[svd]\nbeta = 1", r"unknown key 'beta'; it is 'singular_value_exponent' now"),
        ("[svd.relation_weights]\nVIEWED = 1", r"it is 'event_weights' now"),
        ("[graph]\nseed_batch = 9", r"unknown key 'seed_batch'; it is 'batch_size' now"),
        ("[graph.directions]\nx = 1", r"unknown key 'directions'; it is 'supervision' now"),
    ],
)
def test_a_key_of_an_older_release_names_the_new_one(write, text, message):
    with pytest.raises(TrainingError, match=message) as raised:
        load_config(write(text))
    assert "\n" not in str(raised.value)


def test_what_renamed_keys_name_is_there():
    names = {name for name, *_ in keys_of(TrainConfig)} | set(TrainConfig.model_fields)
    for old, said in RENAMED.items():
        named = re.findall(r"'(\w+)'|\[(\w+)\]", said)
        assert {one or other for one, other in named} <= names
        assert old not in names or old in ("relation_weights",)  # of [graph], not of [svd]


def keys_of(model):
    for field in model.model_fields.values():
        yield from getattr(field.annotation, "model_fields", {}).items()


def test_every_key_is_described_beside_it():
    for name, field in [*TrainConfig.model_fields.items(), *keys_of(TrainConfig)]:
        assert field.description and field.description.endswith("."), name
    schema = TrainConfig.model_json_schema()
    assert schema["$defs"]["SvdConfig"]["properties"]["weight"]["description"].startswith("How w")


def test_a_block_counts_by_its_weight():
    names = {
        (svd, graph): TrainConfig(svd={"weight": svd}, graph={"weight": graph}).encoder_name
        for svd, graph in ((1, 0), (0, 1), (1, 0.5))
    }
    assert names == {(1, 0): "svd", (0, 1): "graph", (1, 0.5): "concat"}
    assert TrainConfig(svd={"weight": 0}, next={"weight": 1}).encoder_name == "next"


def test_something_has_to_rank_everything(write):
    with pytest.raises(TrainingError, match=r"next.weight are 0, but one has to be above 0"):
        load_config(write("[svd]\nweight = 0\n[next]\nweight = 0"))


def test_presets_are_what_the_folder_holds():
    with pytest.raises(
        TrainingError, match=r"no preset .fast.; expected one of auto, default, svd-graph, svd"
    ):
        preset_path("fast")


def test_one_option_can_go_to_both_halves():
    config = make_config(preset_path("svd-graph"), {"seed": 3, "dim": 64}, {"seed": 3})
    assert (config.svd.seed, config.graph.seed, config.svd.dim) == (3, 3, 64)
