"""What a wrong id, name or value may be meant to be: the rule, on ids and names drawn at random."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphdb.errors import nearest
from graphrec import Filters, QueryError, UnknownIdError
from graphrec.bundle.reader import find_row

WORDS = st.text(alphabet="abcdefghijklmnop", min_size=3, max_size=8)


def suggestion(node_type, ids, wrong):
    """What stands in quotes after the question of the error."""
    with pytest.raises(UnknownIdError) as caught:
        find_row(node_type, pa.array(sorted(ids)), wrong)
    return caught.value.next_step


@given(
    numbers=st.sets(st.integers(0, 9_999), min_size=2, max_size=30),
    head=st.sampled_from(["U", "sku-", "P_", "用户"]),
    spell=st.sampled_from(["{}{}", "{}0{}", " {}{} ", "{}{:>07}", "{}{}.0"]),
    node_type=st.sampled_from(["User", "Product"]),
    data=st.data(),
)
def test_an_id_in_another_spelling_is_suggested(numbers, head, spell, node_type, data):
    """Zeros, case and spaces do not count."""
    number = data.draw(st.sampled_from(sorted(numbers)))
    ids = {f"{head}{one:05}" for one in numbers}
    given_as = data.draw(st.sampled_from([head, head.lower(), head.upper()]))
    wrong = spell.format(given_as, number)
    if wrong not in ids:
        assert suggestion(node_type, ids, wrong) == f"did you mean '{head}{number:05}'?"


@given(numbers=st.sets(st.integers(0, 99), min_size=1, max_size=20), asked=st.integers(0, 99))
def test_no_user_is_suggested_but_the_one_who_is_meant(numbers, asked):
    ids = {f"u{one:04}" for one in numbers}
    expected = f"did you mean 'u{asked:04}'?" if asked in numbers else None
    assert suggestion("User", ids, f"U{asked}") == expected


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("3", "did you mean 'U00003'?"),  # without the letters that all ids begin with
        ("u00003", "did you mean 'U00003'?"),
        ("U00099", "similar ids: 'U00001', 'U00003'"),  # the longest common beginning first
        ("", "similar ids: 'U00001', 'U00003'"),
    ],
)
def test_ids_that_are_numbered(wrong, expected):
    assert suggestion("Product", ["U00001", "U00003"], wrong) == expected
    with pytest.raises(UnknownIdError, match=r"not int \(3\); use 'U00003'"):
        find_row("Product", pa.array(["U00001", "U00003"]), 3)


@given(words=st.lists(WORDS, min_size=2, max_size=4, unique=True), data=st.data())
def test_a_name_that_a_part_is_taken_from_is_suggested(words, data):
    """Any word of it, and the name with words beside it."""
    whole = " ".join(words)
    part = data.draw(st.sampled_from(words))
    for wrong in (part, part.upper(), f"xyz {whole} zyx"):
        assert nearest(wrong, ["wuvw", "qrst", whole]) == f"did you mean '{whole}'?"


@pytest.mark.parametrize(
    ("wrong", "known", "expected"),
    [
        ("汉服", ["汉堡", "汉服 Hanfu"], "'汉服 Hanfu'"),
        ("hanfu", ["汉堡", "汉服 Hanfu"], "'汉服 Hanfu'"),
        ("Shoes", ["Men shoes", "Women shoes", "Hats"], "'Men shoes' or 'Women shoes'"),
        ("catgory", ["category", "cat"], "'category'"),  # nearly the same before a part
        ("price", ["price_min", "price_max"], "'price_max' or 'price_min'"),
        ("ate", ["category"], None),  # no start of a word
        ("in", ["in_stock"], None),  # too short to say anything
        ("zzz", ["category"], None),
        ("", ["category"], None),
    ],
)
def test_what_is_near(wrong, known, expected):
    assert nearest(wrong, known) == (f"did you mean {expected}?" if expected else None)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"categories": "yog"}, "no Category has the id or name 'yog'; did you mean 'Yogurt'"),
        ({"brands": "ACME"}, "did you mean 'acme'"),
        ({"brand": "acme"}, "there is no filter 'brand'.*did you mean 'brands'"),
        ({"properties": {"titel": "x"}}, "no property 'titel'.*did you mean 'title'"),
        ({"status": "activ"}, "cannot be 'activ'.*did you mean 'active'"),
        ({"ids": "P1"}, "did you mean 'p1'"),
    ],
)
@pytest.mark.parametrize("make", [dict, lambda filters: Filters(**filters)])
def test_wrong_filters_are_told_what_may_be_meant(recommender, filters, message, make):
    """As a dictionary or as Filters."""
    with pytest.raises(QueryError, match=message):
        recommender.products_for_user("ann", filters=make(filters))


def test_a_part_of_a_name_among_very_many_is_found(recommender, monkeypatch):
    monkeypatch.setattr("graphrec.query.names._NEAREST_AMONG", 3)
    with pytest.raises(QueryError, match="'Kefir'; did you mean 'East Kefir'"):
        recommender.products_for_user("ann", filters={"ids": "Kefir"})
