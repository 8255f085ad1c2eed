"""Times that can be read and are hardly meant are told of, with what to do."""

from datetime import UTC, datetime, timedelta

import pytest

from graphdb import SCHEMA
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = [1_735_689_600 + 86_400 * day for day in range(8)]


@pytest.fixture
def warnings(shop, store):
    """What is said of purchases whose column 't' holds these cells, read so."""

    def told(cells, how: str) -> list[str]:
        (shop / "mapping.toml").write_text(
            '[[table]]\nfile = "User.csv"\nnode = "User"\ncolumns = { user_id = "user_id" }\n'
            '[[table]]\nfile = "Product.csv"\nnode = "Product"\n'
            'columns = { product_id = "product_id" }\n'
            '[[table]]\nfile = "o.csv"\nrelation = "PURCHASED"\n'
            'columns = { source_id = "u", target_id = "p", event_id = "n", at = '
            f'{{ column = "t"{how} }} }}\n'
        )
        lines = [f"ann,pan,{number},{cell}\n" for number, cell in enumerate(cells)]
        (shop / "o.csv").write_text("u,p,n,t\n" + "".join(lines))
        report = ingest(folder_tables(shop, SCHEMA), store, now=NOW)
        assert [entry["message"] for entry in report.to_dict()["warnings"]] == [
            warning.message for warning in report.warnings
        ]
        assert {(warning.table, warning.column) for warning in report.warnings} <= {
            ("User-PURCHASED-Product from o.csv", "at")
        }
        return [warning.message for warning in report.warnings]

    return told


@pytest.mark.parametrize(
    ("cells", "how", "message"),
    [
        (
            SECONDS,
            ', unit = "ms"',
            "all 8 values of 'at' (column 't') are before 1990, on 1970-01-21; they are read with"
            ' unit = "ms"; should it be unit = "s"?',
        ),
        (
            [20_000 + day for day in range(8)],
            ', unit = "s"',
            "all 8 values of 'at' (column 't') are before 1990, on 1970-01-01; they are read with"
            ' unit = "s"; should it be unit = "ms"?',
        ),
        (
            ["2025-03-04", "1985-03-04", "1986-01-02"],
            "",
            "2 of 3 values of 'at' (column 't') are before 1990, between 1985-03-04 and"
            " 1986-01-02; check that it is the right column",
        ),
        (
            ["01/02/80"],
            ', format = "%d/%m/%y"',
            "all 1 values of 'at' (column 't') are before 1990, on 1980-02-01; they are read with"
            " format = '%d/%m/%y'; check the format",
        ),
        (
            [f"2025-03-04 {hour:02}:00:00" for hour in range(5)],
            "",
            "all 5 values of 'at' (column 't') are on one day, 2025-03-04; if that is wrong,"
            " check unit or format of the column",
        ),
    ],
)
def test_odd_times_of_events_are_told_with_what_to_do(warnings, cells, how, message):
    assert warnings(cells, how) == [message]


@pytest.mark.parametrize(
    ("cells", "how"),
    [
        (SECONDS, ', unit = "s"'),
        ([second * 1000 for second in SECONDS], ', unit = "ms"'),
        ([f"2025-03-04 0{hour}:00:00" for hour in range(4)], ""),
        ([f"2025-03-0{day}" for day in range(1, 8)], ""),
        (["1990-01-01", "2025-12-31"], ""),
        ([], ""),
    ],
)
def test_plausible_times_are_not_told_of(warnings, cells, how):
    assert warnings(cells, how) == []


def test_times_of_nodes_and_edges_far_ahead_are_told(shop, load):
    (shop / "Product.csv").write_text(
        "product_id,created_at\npan,2026-01-02\ntea,2024-01-01\ncup,9999-12-31\n"
    )
    (shop / "Product-MADE_BY-Brand.csv").write_text(
        "source_id,target_id,since\npan,acme,2027-01-01\n"
    )
    messages = [str(warning) for warning in load(shop, now=NOW).warnings]
    assert messages == [
        "Product from Product.csv: 1 of 3 values of 'created_at' (column 'created_at') are more"
        " than a day in the future, up to 9999-12-31; check that it is the right column",
        "Product-MADE_BY-Brand from Product-MADE_BY-Brand.csv: all 1 values of 'since' (column"
        " 'since') are more than a day in the future, up to 2027-01-01; check that it is the"
        " right column",
    ]


def test_rejected_rows_are_not_told_of_again(shop, load):
    ahead = (NOW + timedelta(days=400)).isoformat()
    path = shop / "User-PURCHASED-Product.csv"
    path.write_text(path.read_text() + f"ann,tea,{ahead},1,1,\n")
    report = load(shop, now=NOW)
    assert report.reject_codes == {"in_the_future": 1}
    assert report.warnings == []
