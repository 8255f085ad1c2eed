"""Stars on another scale are refused with a line that names both scales; slips cost their row."""

import json

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pages.messages import says
from typer.testing import CliRunner

from graphdb.ingestion import ingest
from graphdb.ingestion.table_checks import conversion
from graphdb.ingestion.typed_columns import decimal_product
from graphdb.schema import SCHEMA
from graphdb.sources import open_source
from graphdb.stores import open_store
from graphrec.cli import build_app

RATED = SCHEMA.edge_type("RATED")
MAPPING = """
[[table]]
file = "ratings.csv"
node = "User"
distinct = true
columns = { user_id = "user" }
[[table]]
file = "ratings.csv"
node = "Product"
distinct = true
columns = { product_id = "product" }
[[table]]
file = "ratings.csv"
relation = "RATED"
[table.columns]
source_id = "user"
target_id = "product"
at = "day"
stars = STARS
"""


@pytest.fixture
def folder(tmp_path):
    """Writes a folder with one rating per user, and says how the mapping reads them."""

    def write(stars, how='"stars"'):
        path = tmp_path / "in"
        path.mkdir()
        rows = [f"u{row},p{row % 3},{one},2026-01-02" for row, one in enumerate(stars)]
        (path / "ratings.csv").write_text("\n".join(["user,product,stars,day", *rows]) + "\n")
        (path / "mapping.toml").write_text(MAPPING.replace("STARS", how))
        return path

    return write


def ingested(path, tmp_path):
    """The stars that are in the store, and the report."""
    with open_store(str(tmp_path / "store.duckdb")) as store:
        report = ingest(open_source(str(path), store.schema), store)
        edges = store.read_edges(RATED, columns=["stars"]).read_all()
        return sorted(edges["stars"].to_pylist()), report


@pytest.mark.parametrize(
    ("stars", "scale"),
    [
        ([*range(1, 11)] * 4, "1 to 10"),
        ([*range(11)] * 4, "0 to 10"),
        ([0, 1, 2, 3, 4, 5] * 8, "0 to 5"),
        ([0.5 * step for step in range(1, 11)] * 8, "0.5 to 5"),
        ([20, 40, 60, 80, 100] * 3, "20 to 100"),
        ([10] * 8, "10 to 10"),
        ([-1, 1] * 10, "-1 to 1"),
    ],
)
def test_another_scale_is_refused_whole_and_named(folder, tmp_path, stars, scale):
    found, report = ingested(folder(stars), tmp_path)
    assert found == []
    (warning,) = report.warnings[-1:]
    assert f"'stars' seems to be on a scale of {scale}, and all these values" in str(warning)
    assert "convert them to 1 to 5 in the mapping with scale and offset" in str(warning)
    outside = sum(not 1 <= one <= 5 for one in stars)
    expected = {"out_of_range": outside, "other_scale": len(stars) - outside}
    assert report.reject_codes == {code: number for code, number in expected.items() if number}


@pytest.mark.parametrize("slips", [[6], [0, 0, 10, 10, 10], [7] * 5])
def test_a_few_slips_cost_their_rows_alone(folder, tmp_path, slips):
    right = [1, 1.5, 2, 3, 4.5, 5] * 20
    found, report = ingested(folder(slips + right), tmp_path)
    assert found == sorted(right)
    assert report.reject_codes == {"out_of_range": len(slips)}
    assert not any("scale" in str(warning) for warning in report.warnings)


@pytest.mark.parametrize(
    ("how", "stars", "expected"),
    [
        ('{ column = "stars", scale = 0.05 }', [20, 40, 60, 80, 100] * 3, [1, 2, 3, 4, 5] * 3),
        (
            '{ column = "stars", scale = 0.8, offset = 1 }',
            [0, 1, 2, 3, 4, 5] * 3,
            [1, 1.8, 2.6, 3.4, 4.2, 5] * 3,
        ),
        ('{ column = "stars", scale = -1, offset = 6 }', [1, 2.5, 5] * 3, [5, 3.5, 1] * 3),
        ('{ column = "stars", offset = -10 }', [11, 12.5] * 3, [1, 2.5] * 3),
        (
            '{ column = "stars", map = { "0" = "1", "5" = "3", "10" = "5" } }',
            [0, 5, 10] * 4,
            [1, 3, 5] * 4,
        ),
    ],
)
def test_what_the_line_asks_for_helps(folder, tmp_path, how, stars, expected):
    found, report = ingested(folder(stars, how), tmp_path)
    assert found == sorted(expected)
    assert report.rejected == 0


@given(least=st.integers(-20, 20), steps=st.integers(2, 200), half=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_conversion_of_the_warning_brings_every_scale_to_one_to_five(least, steps, half):
    """The lowest value is read as 1 and the highest as 5, to four decimals, and none beyond."""
    assume(not (least >= 1 and least + steps <= 5))
    ends = [least, least + steps / (2 if half else 1)]
    scale, offset = conversion((ends[0], ends[1]), (1, 5))
    with duckdb.connect() as connection:
        for end, wanted in zip(ends, (1, 5), strict=True):
            sql = decimal_product(repr(float(end)), scale, offset)
            ((found,),) = connection.execute(f"SELECT {sql}").fetchall()
            assert 1 <= found <= 5
            assert found == pytest.approx(wanted, abs=0.005)


def test_the_command_says_it_in_one_line(folder, tmp_path):
    words = ["ingest", str(folder([*range(1, 11)] * 4)), str(tmp_path / "store.duckdb")]
    done = CliRunner().invoke(build_app(), words)
    assert done.exit_code == 4
    assert says(done.stderr, "20 of 40 values lie outside the scale of 1 to 5")
    assert says(done.stderr, "such as scale = 0.44444 and offset = 0.55556")
    assert says(done.stderr, "User-RATED-Product from ratings.csv lost all its 40 rows")
    rejects = CliRunner().invoke(build_app(), ["rejects", words[2], "--rows", "--json"]).stdout
    assert "stars is 8, above 5; the scale is 1 to 5" in rejects
    assert "stars is 3.0, but 20 of 40 values lie outside the scale of 1 to 5" in rejects
    assert json.loads(rejects)
