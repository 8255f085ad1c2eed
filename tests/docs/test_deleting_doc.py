"""docs/deleting.md, followed from beginning to end in an empty folder."""

from pages.markdown import run, texts

from graphdb import extend_schema

PAGE = "docs/deleting.md"


def test_the_page_is_true(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "snapshots").mkdir()
    run(PAGE)


def test_the_schema_file_is_one(tmp_path):
    (text,) = texts(PAGE, "toml")
    (tmp_path / "more.toml").write_text(text)
    assert extend_schema(tmp_path / "more.toml").relation("IN_CATEGORY").one_target
