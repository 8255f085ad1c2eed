"""Quotes in CSV: doubled or after a backslash they are read; what is neither is told."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graphdb.io import csv_scan
from graphdb.io.csv_scan import CsvFormat, scan_csv


def load_titles(shop, load, store, text: bytes):
    (shop / "Product.csv").write_bytes(text)
    report = load(shop)
    titles = store.read_nodes("Product", columns=["title"]).read_all()["title"].to_pylist()
    return titles, [str(warning) for warning in report.warnings], report


@pytest.mark.parametrize(
    ("cell", "title"),
    [
        (rb'"5\" pan"', '5" pan'),
        (rb'"say \"hi\", you"', 'say "hi", you'),
        (rb'"5\""', '5"'),
        (rb'"\"big\" one"', '"big" one'),
        (rb'"a \"b\" \\ c"', 'a "b" \\ c'),
        (b'"two \\"big\\"\nlines"', 'two "big"\nlines'),
    ],
)
def test_quotes_after_a_backslash_are_read_and_told(shop, load, store, cell, title):
    text = b"product_id,title,price\npan," + cell + b",30\ntea,Tea,4\n"
    titles, warnings, report = load_titles(shop, load, store, text)
    assert (titles, report.rejected) == ([title, "Tea"], 0)
    (warning,) = warnings
    assert "Product from Product.csv: quotes are escaped by a backslash (row 1)" in warning


@pytest.mark.parametrize(
    ("cell", "title"),
    [
        (rb'"C:\dir\"', "C:\\dir\\"),
        (rb'"say ""hi"", you"', 'say "hi", you'),
        (b'"5"" pan"', '5" pan'),
        (b'5" pan', '5" pan'),
        (rb"C:\dir", "C:\\dir"),
        (b'""', None),
    ],
)
def test_what_the_standard_says_is_read_without_a_word(shop, load, store, cell, title):
    text = b"product_id,title,price\npan," + cell + b",30\ntea,Tea,4\n"
    titles, warnings, _ = load_titles(shop, load, store, text)
    assert (titles, warnings) == ([title, "Tea"], [])


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (rb"5\" pan", r"row 1 has \" in an unquoted cell; the backslash is kept"),
        (b'"5" pan"', "a cell of row 1 continues after its closing quote"),
        (b'"big" pan', "a cell of row 1 continues after its closing quote"),
    ],
)
def test_what_is_neither_is_told(shop, load, store, cell, message):
    text = b"product_id,title,price\npan," + cell + b",30\ntea,Tea,4\n"
    titles, (warning,), _ = load_titles(shop, load, store, text)
    assert message in warning
    assert titles[1] == "Tea"


cells = st.lists(
    st.tuples(st.text(alphabet='ab"\\,;\n ', max_size=6), st.text(alphabet="ab\\", max_size=3)),
    min_size=1,
    max_size=5,
)


@given(cells, st.sampled_from([7, 64, 1 << 20]))
def test_no_file_of_the_standard_is_taken_for_another(tmp_path_factory, rows, block_bytes):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    path = tmp_path_factory.getbasetemp() / "standard.csv"
    path.write_text(text.getvalue(), newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_scan, "BLOCK_BYTES", block_bytes)
        quoting = scan_csv(path, CsvFormat(","))
    assert (quoting.by_backslash, quoting.has_stray_quote) == (False, False)
    assert quoting.warning is None or "the backslash is kept" in quoting.warning


@example([('",;', "")], 7)  # the standard reads four cells of the three, none of them broken
@given(cells, st.sampled_from([7, 64, 1 << 20]))
def test_a_file_with_backslashes_is_known_or_told_of(tmp_path_factory, rows, block_bytes):
    text = io.StringIO()
    writer = csv.writer(
        text, lineterminator="\n", quoting=csv.QUOTE_ALL, escapechar="\\", doublequote=False
    )
    writer.writerows([["a b", *row] for row in rows])
    path = tmp_path_factory.getbasetemp() / "escaped.csv"
    path.write_text(text.getvalue(), newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_scan, "BLOCK_BYTES", block_bytes)
        quoting = scan_csv(path, CsvFormat(","))
    if quoting.warning is None:  # then the standard reads every cell, and as many of them
        standard = list(csv.reader(io.StringIO(text.getvalue())))
        assert [len(row) for row in standard] == [3] * len(rows)
