"""The decision records: complete heads, numbers without gaps, links that resolve."""

import re
from datetime import date

import pytest
from doc_pages.adr import FOLDER, records
from pages.markdown import check_links, lost_files

HEAD = re.compile(
    r"# (?P<number>\d{3})\. (?P<title>\S.*)\n\nDate: (?P<date>.+)\n\nStatus: (?P<status>.+)\n\n"
    r"## Context\n\n(?P<context>.+)\n\n## Decision\n\n(?P<decision>.+)\n\n"
    r"## Consequences\n\n(?P<consequences>.+)\n",
    re.DOTALL,
)
STATUS = re.compile(r"accepted|rejected|superseded by \[\d{3}\]\(\d{3}-[a-z0-9-]+\.md\)")
RECORDS = [path.name for path in records()]
PAGES = [*RECORDS, "README.md", "../history/trials.md"]
LONGEST = 100


def read(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def head_of(name):
    found = HEAD.fullmatch(read(name))
    assert found, f"{name} lacks a part, or has them in another order"
    return found


def problems(text, name, index):
    """Why a record cannot stand as it is."""
    found = HEAD.fullmatch(text)
    if not found:
        return ["head"]
    checks = {
        "file name": re.fullmatch(rf"{found['number']}-[a-z0-9]+(-[a-z0-9]+)*\.md", name),
        "date": re.fullmatch(r"\d{4}-\d{2}-\d{2}", found["date"])
        and date.fromisoformat(found["date"]),
        "status": STATUS.fullmatch(found["status"]),
        "index": f"| {found['number']} | [{found['title']}]({name}) |" in index,
    }
    return [check for check, holds in checks.items() if not holds]


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_complete_and_in_the_index(name):
    assert problems(read(name), name, read("README.md")) == []


GOOD = """# 007. One

Date: 2026-11-23

Status: accepted

## Context

a

## Decision

b

## Consequences

c
"""


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("", "", []),
        ("accepted", "superseded by [008](008-two.md)", []),
        ("accepted", "maybe", ["status"]),
        ("2026-11-23", "in November", ["date"]),
        ("# 007", "# 008", ["file name", "index"]),
        ("One", "Two", ["index"]),
        ("## Decision\n", "## Choice\n", ["head"]),
    ],
)
def test_an_incomplete_record_would_be_found(old, new, found):
    text = GOOD.replace(old, new)
    assert problems(text, "007-one.md", "| 007 | [One](007-one.md) | accepted |") == found


def test_numbers_have_no_gaps_and_follow_the_dates():
    assert len(RECORDS) > 50
    heads = [head_of(name) for name in RECORDS]
    assert [int(head["number"]) for head in heads] == list(range(1, len(heads) + 1))
    dates = [head["date"] for head in heads]
    assert dates == sorted(dates)


@pytest.mark.parametrize("name", PAGES)
def test_links_resolve(name):
    check_links(FOLDER / name)


@pytest.mark.parametrize("name", PAGES)
def test_links_to_records_show_their_number(name):
    for label, number in re.findall(r"\[(\d{3})\]\((?:\.\./adr/)?(\d{3})-", read(name)):
        assert label == number, name


@pytest.mark.parametrize("name", PAGES)
def test_files_that_are_named_exist(name):
    assert lost_files(read(name)) == []


@pytest.mark.parametrize("name", PAGES)
def test_lines_are_short(name):
    lines = [line for line in read(name).splitlines() if len(line) > LONGEST]
    assert [line for line in lines if not line.startswith("|") and "](" not in line] == [
        line for line in lines if line.startswith("<!--")
    ]
