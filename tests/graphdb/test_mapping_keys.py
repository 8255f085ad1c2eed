"""What a mapping can say of decimals, timezones, rows, missing values and words."""

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from graphdb import SCHEMA, open_store
from graphdb.errors import FileFormatError, MappingError
from graphdb.ingestion import ingest
from graphdb.io.mapped_tables import folder_tables

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
PRODUCTS = (
    '[[table]]\nfile = "products.csv"\nnode = "Product"\nseparator = ";"\n{how}'
    'columns = {{ product_id = "sku", price = {column} }}\n'
)
EVENTS = (
    '[[table]]\nfile = "users.csv"\nnode = "User"\ncolumns = { user_id = "user" }\n'
    '[[table]]\nfile = "products.csv"\nnode = "Product"\ncolumns = { product_id = "sku" }\n'
)
VIEWS = (
    '[[table]]\nfile = "{file}"\nrelation = "VIEWED"\n{how}'
    'columns = {{ source_id = "user", target_id = "sku", at = {column} }}\n'
)


def prices(folder, store, cells, *, how="", column='"price"'):
    """The prices that cells are read as, None where they are missing; and the rejects."""
    rows = "".join(f"p{number};{cell}\n" for number, cell in enumerate(cells))
    (folder / "products.csv").write_text("sku;price\n" + rows, encoding="utf-8")
    (folder / "mapping.toml").write_text(PRODUCTS.format(how=how, column=column))
    ingest(folder_tables(folder, SCHEMA), store)
    found = store.read_nodes("Product", columns=["product_id", "price"]).read_all()
    return (
        dict(zip(*found.to_pydict().values(), strict=True)),
        [reject["reason"] for reject in store.read_rejects().to_pylist()],
    )


def write_people(folder):
    (folder / "users.csv").write_text("user\nann\n")
    (folder / "products.csv").write_text("sku\npan\n")


def views(folder, store, times, *, how="", column='"day"', now=NOW):
    """The moments that times are read as, in order; and the rejects."""
    write_people(folder)
    if isinstance(times, pa.Array):
        same = [pa.array([name] * len(times)) for name in ("ann", "pan")]
        pq.write_table(pa.table([*same, times], ["user", "sku", "day"]), folder / "log.parquet")
        file = "log.parquet"
    else:
        rows = "".join(f"ann,pan,{time}\n" for time in times)
        (folder / "log.csv").write_text("user,sku,day\n" + rows)
        file = "log.csv"
    mapping = EVENTS + VIEWS.format(file=file, how=how, column=column)
    (folder / "mapping.toml").write_text(mapping)
    ingest(folder_tables(folder, SCHEMA), store, now=now)
    found = store.read_edges(SCHEMA.edge_type("VIEWED"), columns=["at"]).read_all()["at"]
    rejects = [reject["reason"] for reject in store.read_rejects().to_pylist()]
    return sorted(found.to_pylist()), rejects


COMMA = 'decimal = ","\n'


@pytest.mark.parametrize(
    ("cell", "price"),
    [
        ("12,50", 12.5),
        ("12", 12.0),
        ("1.234,00", 1234.0),
        ("1.234.567,5", 1234567.5),
        ("1234,5", 1234.5),
        ("1 234,5", 1234.5),
        ("1\u00a0234,5", 1234.5),
        ("1\u202f234", 1234.0),
        ("1'234,5", 1234.5),
        (",5", 0.5),
        ("+3,", 3.0),
        ("1,5e3", 1500.0),
        (" 7,5 ", 7.5),
        ("1.234", 1234.0),
        ("", None),
    ],
)
def test_a_decimal_comma_is_read(tmp_path, store, cell, price):
    assert prices(tmp_path, store, [cell], how=COMMA) == ({"p0": price}, [])


@pytest.mark.parametrize(
    "cell", ["1.5", "12.34,5", "1,234,5", "1.23.456", "1,2.345", "12,5 EUR", "abc", ",", "1..234"]
)
def test_a_number_that_does_not_fit_the_decimal_is_rejected(tmp_path, store, cell):
    found, rejects = prices(tmp_path, store, [cell, "2,5"], how=COMMA)
    assert found == {"p0": None, "p1": 2.5}
    assert rejects == [f"price is {cell}, not a number"]


def test_a_decimal_point_said_reads_commas_between_thousands(tmp_path, store):
    found, rejects = prices(tmp_path, store, ["1,234.50", "1234.5", "12,34"], how='decimal = "."\n')
    assert found == {"p0": 1234.5, "p1": 1234.5, "p2": None}
    assert rejects == ["price is 12,34, not a number"]


def test_a_number_with_a_comma_gets_a_hint_and_others_none(tmp_path, store):
    _, rejects = prices(tmp_path, store, ["12,50", "n/a"])
    assert rejects == [
        'price is 12,50, not a number; if the comma is decimal, set decimal = "," in the mapping',
        "price is n/a, not a number",
    ]


def test_a_column_has_a_decimal_of_its_own(tmp_path, store):
    column = '{ column = "price", decimal = ".", scale = 0.01 }'
    assert prices(tmp_path, store, ["50.0"], how=COMMA, column=column)[0] == {"p0": 0.5}


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cents=st.integers(0, 10**11), group=st.sampled_from(["", ".", " ", "'", "\u202f"]))
def test_prices_written_in_another_country_are_the_same_prices(tmp_path, cents, group):
    written = f"{cents // 100:,}".replace(",", group) + f",{cents % 100:02}"
    with open_store("duckdb:") as store:
        found, _ = prices(tmp_path, store, [written], how=COMMA)
    assert found == {"p0": float(f"{cents // 100}.{cents % 100:02}")}


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


SHANGHAI = 'timezone = "Asia/Shanghai"\n'
LOCAL = dt.datetime(2026, 1, 31, 18, 30)


@pytest.mark.parametrize(
    ("times", "column", "moment"),
    [
        (["2026-01-31 18:30:00"], '"day"', utc(2026, 1, 31, 10, 30)),
        (["2026-01-31T18:30"], '"day"', utc(2026, 1, 31, 10, 30)),
        (["2026-01-31 18:30:00.25"], '"day"', utc(2026, 1, 31, 10, 30, 0, 250_000)),
        (["2026-01-31"], '"day"', utc(2026, 1, 30, 16)),
        (["2026-01-31T18:30:00Z"], '"day"', utc(2026, 1, 31, 18, 30)),
        (["2026-01-31 18:30:00+00"], '"day"', utc(2026, 1, 31, 18, 30)),
        (["2026-01-31T18:30:00-05:00"], '"day"', utc(2026, 1, 31, 23, 30)),
        (["2026-01-31 18:30:00 Europe/Berlin"], '"day"', utc(2026, 1, 31, 17, 30)),
        (
            ["31.01.2026 18:30"],
            '{ column = "day", format = "%d.%m.%Y %H:%M" }',
            utc(2026, 1, 31, 10, 30),
        ),
        (
            ["31.01.2026 18:30 +0100"],
            '{ column = "day", format = "%d.%m.%Y %H:%M %z" }',
            utc(2026, 1, 31, 17, 30),
        ),
        (["1769884200"], '{ column = "day", unit = "s" }', utc(2026, 1, 31, 18, 30)),
        (
            ["2026-01-31 18:30"],
            '{ column = "day", timezone = "-03:30" }',
            utc(2026, 1, 31, 22),
        ),
        (["2026-01-31 18:30"], '{ column = "day", timezone = "UTC" }', utc(2026, 1, 31, 18, 30)),
        (pa.array([LOCAL]), '"day"', utc(2026, 1, 31, 10, 30)),
        (pa.array([LOCAL.date()]), '"day"', utc(2026, 1, 30, 16)),
        (pa.array([LOCAL], pa.timestamp("ns", "UTC")), '"day"', utc(2026, 1, 31, 18, 30)),
        (pa.array([20260131]), '{ column = "day", format = "%Y%m%d" }', utc(2026, 1, 30, 16)),
    ],
)
def test_local_times_are_in_the_timezone_that_is_said(tmp_path, store, times, column, moment):
    assert views(tmp_path, store, times, how=SHANGHAI, column=column) == ([moment], [])


def test_the_last_hours_of_a_shop_in_the_east_are_in(tmp_path, store):
    """What a shop in UTC+8 exports at NOW: without its timezone a part is in the future."""
    local = [NOW + dt.timedelta(hours=8 - ago) for ago in (1, 3, 6, 9, 12)]
    times = [f"{time:%Y-%m-%d %H:%M:%S}" for time in local]
    found, rejects = views(tmp_path, store, times)
    assert len(found) == 2
    hint = "in the future as UTC; if it is a local time, set its timezone in the mapping"
    assert all(reject.endswith(hint) for reject in rejects)
    with open_store("duckdb:") as other:
        found, rejects = views(tmp_path, other, times, how=SHANGHAI)
    assert found == [NOW - dt.timedelta(hours=ago) for ago in (12, 9, 6, 3, 1)]
    assert rejects == []


SOON = NOW + dt.timedelta(hours=3)


@pytest.mark.parametrize(
    ("time", "how", "column"),
    [
        (f"{SOON:%Y-%m-%d %H:%M}Z", "", '"day"'),
        (f"{SOON:%Y-%m-%d %H:%M}+00:00", "", '"day"'),
        (f"{SOON.timestamp():.0f}", "", '{ column = "day", unit = "s" }'),
        (f"{NOW + dt.timedelta(hours=16):%Y-%m-%d %H:%M}", "", '"day"'),
        (f"{SOON:%Y-%m-%d %H:%M}", 'timezone = "UTC"\n', '"day"'),
        (f"{SOON:%d.%m.%Y %H:%M} +0000", "", '{ column = "day", format = "%d.%m.%Y %H:%M %z" }'),
    ],
)
def test_a_time_that_is_no_local_one_gets_no_hint(tmp_path, store, time, how, column):
    found, rejects = views(tmp_path, store, [time], how=how, column=column)
    assert found == []
    assert rejects == [f"at is {time}, in the future"]


ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "Asia/Kolkata"]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    local=st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2025, 1, 1)),
    zone=st.sampled_from(ZONES),
)
def test_local_times_are_those_of_the_zones_of_python(tmp_path, local, zone):
    moment = local.replace(tzinfo=ZoneInfo(zone))
    assume(moment.utcoffset() == moment.replace(fold=1).utcoffset())  # skipped or shown twice
    with open_store("duckdb:") as store:
        found, rejects = views(tmp_path, store, [str(local)], how=f'timezone = "{zone}"\n')
    assert (found, rejects) == ([moment.astimezone(dt.UTC)], [])


def test_an_hour_that_is_skipped_or_shown_twice(tmp_path, store):
    found, rejects = views(
        tmp_path,
        store,
        ["2025-03-30 02:30", "2025-10-26 02:30"],
        how='timezone = "Europe/Berlin"\n',
    )
    assert found == [utc(2025, 3, 30, 1, 30), utc(2025, 10, 26, 1, 30)]
    assert rejects == []


@pytest.mark.parametrize("time", ["infinity", "-infinity", "294000-01-01", "0001-01-01", "soon"])
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "+08:00", "-08:00"])
def test_times_at_the_edge_of_time_are_rejected_in_a_timezone_too(tmp_path, store, time, zone):
    found, rejects = views(tmp_path, store, [time], how=f'timezone = "{zone}"\n')
    assert found == []
    assert len(rejects) == 1


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("Asia/Shangai", "'Asia/Shangai' is not a timezone; did you mean 'Asia/Shanghai'"),
        ("CST", "'CST' is not a timezone; "),
        ("GMT+8", "'GMT\\+8' is not a timezone; "),
        ("+8", "'\\+8' is not a timezone; write one such as Europe/Berlin or \\+08:00"),
        ("", "'' is not a timezone"),
    ],
)
def test_a_timezone_that_is_none_is_refused(tmp_path, store, zone, message):
    with pytest.raises(MappingError, match=f"line 12: .*{message}"):
        views(tmp_path, store, ["2026-01-01"], how=f'timezone = "{zone}"\n')


LOG = (
    "user,sku,what,day\nann,pan,view,2026-01-01\nann,pan,cart,2026-01-01\n"
    "ann,pan,buy,2026-01-02\nann,pan,view,2026-01-03\nann,pan,,2026-01-04\n"
)
TABLE = (
    '[[table]]\nfile = "log.{suffix}"\nrelation = "{relation}"\nwhere = {{ what = {value} }}\n'
    'columns = {{ source_id = "user", target_id = "sku", at = "day" }}\n'
)


def test_one_log_holds_several_relations(tmp_path, store):
    write_people(tmp_path)
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "mapping.toml").write_text(
        EVENTS
        + TABLE.format(suffix="csv", relation="VIEWED", value='"view"')
        + TABLE.format(suffix="csv", relation="PURCHASED", value='"buy"')
        + TABLE.format(suffix="csv", relation="CARTED", value='["cart", "basket"]')
        + TABLE.format(suffix="csv", relation="RETURNED", value='["", "back"]')
    )
    report = ingest(folder_tables(tmp_path, SCHEMA), store, now=NOW)
    counts = {
        relation: store.counts()[SCHEMA.edge_type(relation)]
        for relation in ("VIEWED", "PURCHASED", "CARTED", "RETURNED")
    }
    assert counts == {"VIEWED": 2, "PURCHASED": 1, "CARTED": 1, "RETURNED": 1}
    assert [table.read for table in report.tables[2:]] == [2, 1, 1, 1]
    assert report.rejected == 0


def test_a_condition_that_chooses_no_row_is_warned_of(tmp_path, store):
    write_people(tmp_path)
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "mapping.toml").write_text(
        EVENTS
        + TABLE.format(suffix="csv", relation="VIEWED", value='"view"')
        + TABLE.format(suffix="csv", relation="PURCHASED", value='["byu", "order"]')
    )
    (warning,) = ingest(folder_tables(tmp_path, SCHEMA), store, now=NOW).warnings
    assert warning.table == "User-PURCHASED-Product from log.csv"
    assert warning.message == "no row has what = 'byu' or 'order'; is it spelled right?"


def test_a_file_that_is_optional_may_be_missing(tmp_path, store):
    write_people(tmp_path)
    table = TABLE.format(suffix="csv", relation="VIEWED", value='"view"')
    (tmp_path / "mapping.toml").write_text(EVENTS + table)
    with pytest.raises(MappingError, match=r"line 10: there is no file 'log.csv'"):
        folder_tables(tmp_path, SCHEMA)
    (tmp_path / "mapping.toml").write_text(
        EVENTS + table.replace("where", "optional = true\nwhere")
    )
    assert len(folder_tables(tmp_path, SCHEMA)) == 2
    (tmp_path / "log.csv").mkdir()
    with pytest.raises(MappingError, match=r"'log.csv' in .* is a folder, not a file"):
        folder_tables(tmp_path, SCHEMA)
    (tmp_path / "log.csv").rmdir()
    (tmp_path / "log.csv").write_text(LOG)
    ingest(folder_tables(tmp_path, SCHEMA), store, now=NOW)
    assert store.counts()[SCHEMA.edge_type("VIEWED")] == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (["buy", "view"], '"buy"'),
        ([1, 2], "1"),
        ([1.0, 2.0], "1"),
        ([True, False], "true"),
        ([dt.date(2026, 1, 1), dt.date(2026, 1, 2)], '"2026-01-01"'),
    ],
)
def test_rows_are_chosen_by_columns_of_every_type(tmp_path, store, column, value):
    write_people(tmp_path)
    table = pa.table({"user": ["ann"] * 2, "sku": ["pan"] * 2, "day": [LOCAL] * 2, "what": column})
    pq.write_table(table, tmp_path / "log.parquet")
    (tmp_path / "mapping.toml").write_text(
        EVENTS + TABLE.format(suffix="parquet", relation="VIEWED", value=value)
    )
    ingest(folder_tables(tmp_path, SCHEMA), store, now=NOW)
    assert store.counts()[SCHEMA.edge_type("VIEWED")] == 1


def test_rows_are_rejected_by_their_numbers_in_the_file(tmp_path, store):
    write_people(tmp_path)
    (tmp_path / "log.csv").write_text(LOG.replace("2026-01-03", "soon"))
    (tmp_path / "mapping.toml").write_text(
        EVENTS + TABLE.format(suffix="csv", relation="VIEWED", value='"view"')
    )
    ingest(folder_tables(tmp_path, SCHEMA), store, now=NOW)
    assert [reject["row"] for reject in store.read_rejects().to_pylist()] == [4]


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("{}", MappingError, "'table.2.where.what': give a value or a list of values"),
        ("[]", MappingError, "line 12: 'table.2.where.what'"),
        ("[[1]]", MappingError, "give a value or a list of values"),
        ('"buy", whta = "x"', MappingError, "has no column 'whta'; did you mean 'what'"),
    ],
)
def test_a_condition_that_is_none_is_refused(tmp_path, value, error, message):
    write_people(tmp_path)
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "mapping.toml").write_text(
        EVENTS + TABLE.format(suffix="csv", relation="VIEWED", value=value)
    )
    with pytest.raises(error, match=message):
        folder_tables(tmp_path, SCHEMA)


def test_a_condition_that_no_cell_can_meet_is_refused(tmp_path, store):
    write_people(tmp_path)
    table = pa.table({"user": ["ann"], "sku": ["pan"], "day": [LOCAL], "what": [1]})
    pq.write_table(table, tmp_path / "log.parquet")
    (tmp_path / "mapping.toml").write_text(
        EVENTS + TABLE.format(suffix="parquet", relation="VIEWED", value='"buy"')
    )
    message = r"'log.parquet': column 'what' holds int64, and where names buy; expected values of"
    with pytest.raises(FileFormatError, match=message):
        ingest(folder_tables(tmp_path, SCHEMA), store)


def test_texts_that_mean_a_missing_value(tmp_path, store):
    how = 'null_values = ["NULL", "\\\\N", "n/a"]\n'
    found, rejects = prices(tmp_path, store, ["NULL", "\\N", "n/a", "", "2.5", "null"], how=how)
    assert found == {**dict.fromkeys(["p0", "p1", "p2", "p3", "p5"]), "p4": 2.5}
    assert rejects == ["price is null, not a number"]


def test_a_column_has_missing_values_of_its_own(tmp_path, store):
    column = '{ column = "price", null_values = ["-"] }'
    how = 'null_values = ["NULL"]\n'
    found, rejects = prices(tmp_path, store, ["-", "NULL"], how=how, column=column)
    assert found == {"p0": None, "p1": None}
    assert rejects == ["price is NULL, not a number"]


def test_ids_that_mean_a_missing_value_are_missing(tmp_path, store):
    (tmp_path / "products.csv").write_text("sku;price\nNULL;1\npan;2\n")
    (tmp_path / "mapping.toml").write_text(
        PRODUCTS.format(how='null_values = ["NULL"]\n', column='"price"')
    )
    report = ingest(folder_tables(tmp_path, SCHEMA), store)
    assert report.reject_codes == {"missing_value": 1}


CHANNEL = '{ column = "day", map = { "1" = "live", tv = "mall" } }'


@pytest.mark.parametrize(
    ("values", "channels", "reasons"),
    [
        (["1", "tv", ""], ["live", "mall", None], []),
        ([1, None], ["live", None], []),
        ([1.0], ["live"], []),
        (
            ["2", "live"],
            [None, None],
            ["channel is 2, not in the map", "channel is live, not in the map"],
        ),
    ],
)
def test_words_are_read_as_the_map_says(tmp_path, store, values, channels, reasons):
    write_people(tmp_path)
    size = len(values)
    times = [LOCAL + dt.timedelta(hours=hour) for hour in range(size)]
    table = pa.table({"user": ["ann"] * size, "sku": ["pan"] * size, "at": times, "day": values})
    pq.write_table(table, tmp_path / "log.parquet")
    (tmp_path / "mapping.toml").write_text(
        EVENTS + '[[table]]\nfile = "log.parquet"\nrelation = "VIEWED"\n'
        f'columns = {{ source_id = "user", target_id = "sku", at = "at", channel = {CHANNEL} }}\n'
    )
    ingest(folder_tables(tmp_path, SCHEMA), store, now=NOW)
    found = store.read_edges(SCHEMA.edge_type("VIEWED"), columns=["at", "channel"]).read_all()
    assert found.sort_by("at")["channel"].to_pylist() == channels
    assert [reject["reason"] for reject in store.read_rejects().to_pylist()] == reasons


@pytest.mark.parametrize("map_", ["{}", '{ a = "" }', '"a"', "{ a = 1 }"])
def test_a_map_that_is_none_is_refused(tmp_path, store, map_):
    with pytest.raises(MappingError, match=r"line 5: 'table\.0\.columns\.price\.map"):
        prices(tmp_path, store, ["1"], column=f'{{ column = "price", map = {map_} }}')


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ('delimiter = ";"', "unknown key 'delimiter'; it is called separator"),
        ('filter = "x"', "unknown key 'filter'; it is called where"),
        ('tz = "UTC"', "unknown key 'tz'; it is called timezone"),
        ("replace = true", "unknown key 'replace'; ingest adds and updates but never deletes"),
        ("delete = true", "unknown key 'delete'; ingest adds and updates but never deletes"),
        ('seperator = ";"', "unknown key 'seperator'; did you mean 'separator'"),
        ('decimal = ";"', "'table.0.decimal'"),
    ],
)
def test_keys_that_people_try_are_answered(tmp_path, store, key, message):
    with pytest.raises(MappingError, match=f"line 5: .*{message}"):
        prices(tmp_path, store, ["1"], how=key + "\n")


FOLLOWED = (
    '[[table]]\nfile = "users.csv"\nnode = "User"\ncolumns = { user_id = "user" }\n'
    '[[table]]\nfile = "makers.csv"\nnode = "Brand"\ncolumns = { brand_id = "maker" }\n'
    '[[table]]\nfile = "follows.csv"\n{how}'
    'columns = { source_id = "user", target_id = "maker", at = "day" }\n'
)


def follows(folder, how):
    (folder / "users.csv").write_text("user\nann\n")
    (folder / "makers.csv").write_text("maker\nacme\n")
    (folder / "follows.csv").write_text("user,maker,day\nann,acme,2026-01-01\n")
    (folder / "mapping.toml").write_text(FOLLOWED.replace("{how}", how))
    return folder_tables(folder, SCHEMA)[-1].of


@pytest.mark.parametrize(
    "how",
    [
        'relation = "User-FOLLOWS-Brand"\n',
        'relation = "FOLLOWS"\ntarget = "Brand"\n',
        'relation = "FOLLOWS"\nsource = "User"\ntarget = "Brand"\n',
    ],
)
def test_one_of_two_edge_types_is_named(tmp_path, how):
    assert follows(tmp_path, how) == SCHEMA.edge_type("FOLLOWS", "User", "Brand")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            'relation = "FOLLOWS"\n',
            r"line 11: .*fits 2 edge types; expected exactly one of User-FOLLOWS-Creator,"
            r" User-FOLLOWS-Brand; name its ends, such as User-FOLLOWS-Creator",
        ),
        ('relation = "User-FOLLOWS-Shop"\n', r"line 11: .*fits 0 edge types"),
        ('relation = "User-FOLLOWS"\n', r"line 11: .*expected Source-RELATION-Target"),
        (
            'relation = "User-FOLLOWS-Brand"\ntarget = "Brand"\n',
            "relation names both ends: remove source and target",
        ),
    ],
)
def test_an_edge_type_that_is_not_one_is_answered(tmp_path, how, message):
    with pytest.raises(MappingError, match=message):
        follows(tmp_path, how)
