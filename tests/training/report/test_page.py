import json
import re
from dataclasses import fields

import pytest
from contracts.evaluations import HOSTILE, QUOTES, make_evaluation
from pages.messages import says
from typer.testing import CliRunner

from graphdb import SCHEMA, open_store
from graphdb.errors import (
    BundleMissingError,
    EvaluationError,
    FileAccessError,
    StoreError,
    TrainingError,
)
from graphdb.ingestion import ingest
from graphdb.sources import open_source
from graphrec.cli import build_app
from training.cli.evaluate import report_command
from training.evaluation.results import Evaluation, Protocol, Spending
from training.gnn.trainer import Epoch
from training.report import write_report
from training.report.sections import SECTIONS
from training.report.sources import EpochLine, Sources


def sections_of(text):
    return re.findall(r'<section id="([\w-]+)">', text)


def words_of(text, section):
    part = text.partition(f'<section id="{section}">')[2].partition("</section>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", part).split())


@pytest.fixture(scope="module")
def full(evaluated, shop, tmp_path_factory):
    """The text of a report of all there is, and the pictures beside it."""
    folder = tmp_path_factory.mktemp("full")
    tables = folder / "tables"
    tables.mkdir()
    (tables / "users.csv").write_text(f'user_id,city\nu1,"{HOSTILE}"\n,lost\nu1,twice\n')
    (tables / "mapping.toml").write_text(
        '[[table]]\nfile = "users.csv"\nnode = "User"\n'
        'columns = { user_id = "user_id", city = "city" }\n'
    )
    store = str(folder / "shop.duckdb")
    with open_store(store) as opened:
        ingest(open_source(str(tables), SCHEMA), opened)
    epochs = [
        {"number": number, "loss": 5 / number, "learning_rate": 0.1, "seconds": 2.0, **more}
        for number, more in ((1, {"recall": 0.1, "ndcg": 0.2}), (2, {"recall": 0.2, "ndcg": 0.3}))
    ]
    keep = folder / "keep" / "past"
    keep.mkdir(parents=True)
    (keep / "validation.jsonl").write_text("".join(json.dumps(one) + "\n" for one in epochs))
    written = write_report(
        evaluated,
        snapshot=shop.folder,
        store=store,
        log=folder / "keep",
        output=folder / "report.html",
    )
    return written.path.read_text(encoding="utf-8"), written


def test_every_part_is_there_and_in_the_contents(full):
    text, _ = full
    keys = sections_of(text)
    assert len(keys) == len(set(keys)) == len(SECTIONS) == 13
    assert re.findall(r'<li><a href="#([\w-]+)">', text) == keys
    assert "Not in this report" not in text


def test_what_each_part_says(full):
    text, _ = full
    assert "35 % more than the best baseline, iALS, with 8.1 %" in words_of(text, "result")
    assert "bought before products for 2,013 users" in words_of(text, "tasks")
    leaks = words_of(text, "leaks")
    assert "2,187,051 edges of training were checked." in leaks
    assert "pairs: 9,987. share: 0.0810." in leaks  # results of an older release have no sentences
    assert "value NDCG@20" in words_of(text, "catalogue")
    assert "best recall 0.2000 at 2" in words_of(text, "training")
    assert "1,152 edges" not in words_of(text, "graph")
    assert "IN_CATEGORY" in words_of(text, "graph") and "these are not its counts" in text
    assert "required" in words_of(text, "rejects") or "missing" in words_of(text, "rejects")
    audiences = words_of(text, "lookalikes").partition("Lift of audiences of a brand")[2]
    assert "users_for_brand 3.91 3.57 3.19 2.54 random 1.00 1.00 1.00 1.00" in audiences
    made = words_of(text, "made")
    assert "svd.dim 512" in made and "numpy 2.4.6" in made
    assert "2,346 MB of memory, 2 threads on x86_64" in made
    assert "creators for a user follows of creators" in words_of(text, "tasks")


def test_every_chart_says_of_how_many_it_is(full):
    text, _ = full
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text, re.DOTALL)
    assert len(captions) > 8
    assert all(re.search(r"<small>n = .*\d", one) for one in captions), captions


def test_no_chart_is_drawn_twice(full):
    _, written = full
    names = {path.stem for path in written.plots}
    assert {"curve-training-events", "curve-user-activity"} <= names
    assert not names & {"group-training-events", "group-user-activity"}
    assert {"group-price-band", "group-category"} <= names


def test_prose_has_no_jargon(full):
    text, _ = full
    words = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    assert not re.search(r"to be found|\btaken\b(?! over)|as told|set aside|\bseeds? of\b", words)


def test_what_no_font_has_is_told(results, monkeypatch):
    monkeypatch.setattr(
        "training.report.writing.without_font", lambda words: "汉" * words.count("s")
    )
    written = write_report(results)
    assert set(written.without_font) == {"汉"}
    done = CliRunner().invoke(build_app(), ["report", str(results)])
    assert done.exit_code == 0 and says(done.stderr, "no installed font has 汉汉汉")
    assert says(done.stderr, "pictures show boxes instead")


def test_maps_tell_names_categories_and_prices(full):
    text, _ = full
    products = text.partition('id="map-map-products"')[2].partition("</svg>")[0]
    titles = re.findall(r"<circle [^>]*><title>([^<]*)</title>", products)
    assert len(titles) == len(re.findall(r"<circle ", products)) > 20
    assert "cup 3 · maker 3 · 0.0010" in titles
    assert "shelf 2" in words_of(text, "maps") and "shelf 6" not in words_of(text, "maps")


def test_neighbors_have_names_and_prices(full):
    text, _ = full
    assert re.search(
        r"Like cup \d+ \(maker \d+ · shelf \d, \d+\.\d\d\)", words_of(text, "neighbors")
    )


def test_pictures_lie_beside_the_page(full):
    _, written = full
    assert {path.parent for path in written.plots} == {written.path.parent / "plots"}
    names = {path.stem for path in written.plots}
    expected = {
        "models",
        "exposure",
        "lookalike-lift-brand",
        "map-products",
        "map-brands",
        "schema",
    }
    assert expected <= names and "training-past-validation-loss" in names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written.plots)


def test_names_do_no_harm(full):
    text, _ = full
    assert text.count("<script") == text.count("</script") == 1
    assert HOSTILE not in text and "&lt;script&gt;document.title" in text
    assert "<img" not in text and QUOTES not in text
    assert "\x00" not in text


def test_nothing_is_loaded(full):
    text, _ = full
    outside = set(re.findall(r"https?://[^\"'\s)<>]+", text))
    assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not re.search(r"<(link|script|img|iframe)[^>]*(src|href)=(?!\"data:,\")", text)
    assert "url(" not in text.replace("url(#", "")
    assert re.search(r"default-src 'none'[^\"]*script-src 'sha256-", text)


def test_the_page_is_well_made(full):
    text, _ = full
    assert text.startswith("<!DOCTYPE html>") and '<html lang="en">' in text
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert text.count("<h1>") == 1 and text.count("<h2>") == 13
    drawings = re.findall(r"<svg [^>]*>", text)
    assert drawings and all('role="img"' in one and "aria-label=" in one for one in drawings)


def test_a_part_without_anything_is_left_out_and_named_at_the_end(results):
    written = write_report(results)
    assert written.path == results / "report.html"
    text = written.path.read_text(encoding="utf-8")
    omitted = words_of(text, "omitted")
    for title in ("Maps", "Nearest neighbors", "The graph"):
        assert f"{title}: no bundle was given" in omitted
    assert "Rejected rows: no store was given" in omitted
    assert "Training: no log of a training run was given" in omitted
    assert "The SVD has no epochs" in omitted
    assert not {"maps", "neighbors", "graph", "rejects", "training"} & set(sections_of(text))
    assert "omitted" not in re.findall(r'<li><a href="#([\w-]+)">', text)


def test_an_evaluation_of_hardly_anything(results):
    evaluation = make_evaluation()
    task = evaluation.tasks[0]
    task = task.model_copy(
        update={
            "groups": (),
            "comparisons": (),
            "models": tuple(
                one.model_copy(update={"lists": {}, "metrics": {"mrr@5": one.metrics["mrr@5"]}})
                for one in task.models[:1]
            ),
        }
    )
    small = Evaluation(
        created_at=evaluation.created_at,
        snapshot_id="abc",
        target_edge_type="User-PURCHASED-Product",
        protocol=Protocol(
            split="given", cutoff=None, holdout_days=None, ks=(5,), seed=0, resamples=10
        ),
        models=("svd",),
        tasks=(task,),
        leaks=(),
        lifts=(),
        exposure=(),
        settings={},
        versions={},
        spending=Spending(seconds={}, peak_memory_mb=1, threads=1, machine="x86_64"),
    )
    small.write(results)
    text = write_report(results).path.read_text(encoding="utf-8")
    assert "svd reached 0.2037 in MRR@5, with no baseline beside it" in text
    omitted = words_of(text, "omitted")
    assert "Leak checks: no check for leaks was made." in omitted
    assert "Groups: no groups were measured." in omitted
    assert "Rare and popular: no groups by number of training events" in omitted
    assert "Value and lists as a whole: lists as a whole were not measured." in omitted
    assert "Audiences: no brand or product has enough new buyers" in omitted


def test_good_rows_only(results, tmp_path):
    store = str(tmp_path / "empty.duckdb")
    open_store(store).close()
    text = write_report(results, store=store).path.read_text(encoding="utf-8")
    assert "Rejected rows: every row of every table was accepted." in words_of(text, "omitted")


def test_what_is_missing_is_an_error(results, tmp_path):
    nothing = tmp_path / "nothing"
    with pytest.raises(EvaluationError, match="does not exist"):
        write_report(nothing)
    with pytest.raises(BundleMissingError):
        write_report(results, bundle=nothing)
    with pytest.raises(StoreError):
        write_report(results, store=str(nothing / "x.duckdb"))
    with pytest.raises(EvaluationError, match="no log of a training run"):
        write_report(results, log=tmp_path / "plots")
    with pytest.raises(FileAccessError, match=r"cannot write .*choose a path in a folder"):
        write_report(results, output=nothing / "report.html")


def test_a_damaged_log_is_named(results):
    (results / "broken.jsonl").write_text('{"number": 1}\n')
    with pytest.raises(EvaluationError, match=r"broken\.jsonl' is not a log of epochs"):
        write_report(results, log=results)


def test_an_epoch_that_was_trained_again_counts_once(results):
    lines = [
        {"number": number, "loss": loss, "learning_rate": 0.1, "seconds": 1.0}
        for number, loss in ((1, 5.0), (2, 9.0), (2, 4.0))
    ]
    (results / "all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (results / "none.jsonl").write_text("")
    text = write_report(results, log=results).path.read_text(encoding="utf-8")
    assert "all: 2 epochs in 2 s." in words_of(text, "training")
    assert "from 5 to 4" in text


def test_a_line_of_the_log_is_an_epoch_of_the_trainer():
    assert set(EpochLine.model_fields) == {field.name for field in fields(Epoch)}


def test_an_evaluation_without_figures_is_an_error(results):
    make_evaluation().model_copy(update={"tasks": ()}).write(results)
    with pytest.raises(EvaluationError, match="has no results; evaluate again"):
        write_report(results)


def test_the_command(results):
    done = CliRunner().invoke(build_app(), ["report", str(results), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["report"] == str(results / "report.html") and len(told["plots"]) >= 8
    done = CliRunner().invoke(build_app(), ["report", str(results / "none")])
    assert done.exit_code == 6


def test_without_the_extra_the_command_says_what_to_install(results, monkeypatch):
    monkeypatch.setattr("training.extras.find_spec", lambda _: None)
    with pytest.raises(TrainingError, match=r"jinja2.*graphrec\[report\]"):
        report_command(str(results))


def test_the_direction_is_read_as_an_edge_type():
    assert Sources(make_evaluation()).target_edge_type == SCHEMA.edge_type("PURCHASED")
