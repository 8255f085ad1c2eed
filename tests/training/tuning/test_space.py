"""What a file of ranges may say, and what is said when it is wrong."""

import pytest

from graphdb.errors import TrainingError
from training.config import TrainConfig
from training.tuning import Dimension, default_space, load_space

SVD, GRAPH, BOTH = (
    TrainConfig(svd={"weight": svd}, graph={"weight": graph})
    for svd, graph in ((1, 0), (0, 1), (1, 0.5))
)


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "ranges.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_ranges_choices_and_numbers_as_the_setting_has_them(write):
    space = load_space(
        write(
            """
            [svd]
            dim = { choices = [64, 128] }
            [svd.edge_type_weights]
            "Product-MADE_BY-Brand" = { low = 0.01, high = 1, log = true }
            [graph]
            weight = { low = 1, high = 4 }
            epochs = { low = 5, high = 40 }
            num_random_negatives = { choices = [0, "all"] }
            [graph.temperature]
            low = 0.05
            high = 0.3
            """
        ),
        BOTH,
    )
    assert space.dimensions == (
        Dimension(("svd", "dim"), choices=(64, 128)),
        Dimension(("svd", "edge_type_weights", "Product-MADE_BY-Brand"), 0.01, 1.0, log=True),
        Dimension(("graph", "weight"), 1.0, 4.0),
        Dimension(("graph", "epochs"), 5, 40),
        Dimension(("graph", "num_random_negatives"), choices=(0, "all")),
        Dimension(("graph", "temperature"), 0.05, 0.3),
    )
    assert [type(end) for end in space.dimensions[2].ends] == [float, float]
    assert [type(end) for end in space.dimensions[3].ends] == [int, int]


def test_values_go_into_a_config_and_come_out_of_it(write):
    space = load_space(
        write(
            """
            [svd]
            singular_value_exponent = { low = 0, high = 1 }
            dim = { choices = [64, 128] }
            [svd.edge_type_weights]
            "Product-MADE_BY-Brand" = { low = 0.01, high = 1 }
            """
        ),
        SVD,
    )
    values = {
        "svd.singular_value_exponent": 0.3,
        "svd.edge_type_weights.Product-MADE_BY-Brand": 0.2,
    }
    config = space.config(SVD, values)
    assert config.svd.singular_value_exponent == 0.3
    assert config.svd.edge_type_weights == {"Product-MADE_BY-Brand": 0.2}
    assert config.svd.dim == SVD.svd.dim
    # 512 is none of the choices, and the default has no weight: both are left to the search
    assert space.values(SVD) == {"svd.singular_value_exponent": 0.75}
    assert space.values(config) == values
    assert SVD.svd.edge_type_weights == {}


@pytest.mark.parametrize("base", [SVD, GRAPH, BOTH])
def test_what_stands_beside_a_model_can_be_tuned_with_it(write, base):
    text = (
        "[popularity]\nweight = { choices = [0.0, 1.0] }\n[profile]\ndim = { choices = [32, 64] }\n"
    )
    space = load_space(write(text), base)
    tried = space.config(base, {"popularity.weight": 1.0, "profile.dim": 32})
    assert (tried.popularity.weight, tried.profile.dim) == (1.0, 32)


@pytest.mark.parametrize("base", [SVD, GRAPH, BOTH])
def test_every_model_has_a_default_space_whose_ends_are_valid(base):
    space = default_space(base)
    assert len(space.dimensions) >= 5
    for place in (0, -1):
        space.config(base, {d.name: d.ends[place] for d in space.dimensions})


def test_the_defaults_are_the_first_trial():
    for base in (SVD, GRAPH, BOTH):
        held = default_space(base).values(base)
        missing = {d.name for d in default_space(base).dimensions} - set(held)
        assert missing <= {"graph.half_life_days"}


@pytest.mark.parametrize(
    ("base", "text", "message"),
    [
        (SVD, "", r"ranges.toml names nothing to try; expected such as \[svd\]"),
        (SVD, "[svd]", "names nothing to try"),
        (
            SVD,
            "[svd]\nsingular_value_exponnt = { low = 0, high = 1 }",
            r"line 2: unknown key 'svd.s",
        ),
        (
            SVD,
            "[svd]\nsingular_value_exponnt = { low = 0, high = 1 }",
            r"did you mean 'singular_value_exponent'\?",
        ),
        (
            SVD,
            "spektral.singular_value_exponent = { low = 0, high = 1 }",
            r"unknown key 'spektral'",
        ),
        (
            SVD,
            "[svd]\nsingular_value_exponent = 0.5",
            r"line 2: 'svd.singular_value_exponent' is 0.5, no range; expected",
        ),
        (
            SVD,
            "[svd]\nsingular_value_exponent = 0.5",
            r"belongs into the training config \(--config\)",
        ),
        (
            SVD,
            "[svd]\nsingular_value_exponent = { low = 0 }",
            r"line 2: .*give low and high, or choices",
        ),
        (
            SVD,
            "[svd]\nsingular_value_exponent = { low = 0, high = 1, choices = [1] }",
            "give low and high",
        ),
        (
            SVD,
            "[svd]\nsingular_value_exponent = { choices = [] }",
            r"'svd.singular_value_exponent.choices'.*at least 1",
        ),
        (
            SVD,
            "[svd]\nsingular_value_exponent = { low = 1, high = 0 }",
            "low is 1, above high, 0",
        ),
        (
            SVD,
            "[svd]\nsingular_value_exponent = { low = 0, high = 1, log = true }",
            "has to be above 0",
        ),
        (
            SVD,
            "[svd]\nsingular_value_exponent = { log = true, choices = [1] }",
            "log goes with low and hi",
        ),
        (
            SVD,
            "[svd]\nsingular_value_exponent = { low = 0, high = 1, stpe = 1 }",
            r"singular_value_exponent.stpe'.*not permi",
        ),
        (
            SVD,
            "[svd]\nsingular_value_exponent = { low = 'a', high = 1 }",
            r"'svd.singular_value_exponent.low",
        ),
        (
            SVD,
            "[svd]\nsingular_value_exponent = { low = 0, high = 4 }",
            r"line 2: 'svd.singular_value_exponent' cannot be 4",
        ),
        (SVD, "[svd]\ndim = { low = 64.5, high = 128 }", r"cannot be 64.5: .*integer"),
        (SVD, "[svd]\ndim = { choices = [64, 7] }", r"cannot be 7: .*greater than or eq"),
        (
            SVD,
            "top_k = { choices = [5] }",
            r"line 1: 'top_k' cannot be tuned for the encoder 'svd'",
        ),
        (
            SVD,
            "[graph]\nweight = { low = 1, high = 2 }",
            r"line 2: .*; expected a key of \[svd\], \[profile\], \[next\], \[popularity\]",
        ),
        (
            BOTH,
            "balance = { low = 1, high = 2 }",
            r"line 1: unknown key 'balance'; it is 'weight' in \[graph\] now",
        ),
        (
            GRAPH,
            "[svd]\nsingular_value_exponent = { low = 0, high = 1 }",
            r"'svd.singular_value_exponent' cannot be tuned for",
        ),
        (SVD, "[svd]\nsingular_value_exponent = {", "is not valid TOML"),
    ],
)
def test_wrong_files(write, base, text, message):
    with pytest.raises(TrainingError, match=message):
        load_space(write(text), base)


def test_a_missing_file(tmp_path):
    with pytest.raises(TrainingError, match=r"'.*none.toml' does not exist"):
        load_space(tmp_path / "none.toml", SVD)
