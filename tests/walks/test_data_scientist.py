"""A data scientist in a notebook, with her own tables as they come: from frames to a frame.

Her shop has two tastes, tea and camping, and a brand for each. Whoever has one taste buys from it
nine times in ten. She knows who has which taste; the model does not. The tables are messy: ids as
numbers and as text, prices with commas, one log of all events, rows that nobody can use.
"""

import gc

import numpy as np
import pandas as pd
import pytest

from graphdb import Graph
from graphrec import Filters, QueryError, Recommender, UnknownIdError
from training import TrainConfig, evaluate, train
from training.encoders import SvdConfig

PEOPLE, ARTICLES, EVENTS = 160, 40, 20
TASTES = ("茶 Tea", "露营 Camping")
CONFIG = TrainConfig(svd=SvdConfig(dim=32, oversampling=8))


@pytest.fixture(scope="module")
def tables():
    """Customers, articles and log, with columns as the shop's programs name them."""
    rng = np.random.default_rng(7)
    customers = pd.DataFrame(
        {
            "Kundennr": [f"K{one:05}" for one in range(PEOPLE)],
            "Stadt": rng.choice(["Graz", "Wien", ""], PEOPLE),
            "taste": np.arange(PEOPLE) % 2,
        }
    )
    numbers = [*range(100, 100 + ARTICLES)]
    articles = pd.DataFrame(
        {
            "Art.-Nr": pd.Series([one if one % 3 else str(one) for one in numbers], dtype=object),
            "Bezeichnung": [f"Article {one}" for one in numbers],
            "Preis": [f"{one - 90},90" for one in numbers],
            "Marke": [("leaf", "peak")[one % 2] for one in numbers],
            "Sparte": [TASTES[one % 2] for one in numbers],
        }
    )
    own = rng.random((PEOPLE, EVENTS)) < 0.9
    kind = np.where(
        own, customers["taste"].to_numpy()[:, None], 1 - customers["taste"].to_numpy()[:, None]
    )
    article = 100 + 2 * rng.integers(0, ARTICLES // 2, (PEOPLE, EVENTS)) + kind
    days = rng.integers(0, 180, PEOPLE * EVENTS)
    seconds = rng.integers(0, 86_400, PEOPLE * EVENTS)
    log = pd.DataFrame(
        {
            "wer": np.repeat(customers["Kundennr"], EVENTS),
            "was": article.ravel().astype(float),
            "wann": pd.Timestamp("2026-01-01") + pd.to_timedelta(days * 86_400 + seconds, unit="s"),
            "art": rng.choice(["kauf", "blick"], PEOPLE * EVENTS),
        },
    ).reset_index(drop=True)
    bad = pd.DataFrame(
        {
            "wer": ["K00001", "K99999", None, "K00002", "K00003"],
            "was": [999.0, 100.0, 100.0, None, 100.0],
            "wann": pd.to_datetime([*["2026-02-01"] * 4, None]),
            "art": "kauf",
        }
    )
    customers = pd.concat([customers, customers.iloc[:2]], ignore_index=True)  # exported twice
    return customers, articles, pd.concat([log, bad], ignore_index=True)


@pytest.fixture(scope="module")
def graph(tables):
    customers, articles, log = tables
    event = {"user_id": "wer", "product_id": "was", "at": "wann"}
    brand = {"columns": {"brand_id": "Marke", "name": "Marke"}, "distinct": True}
    category = {"columns": {"category_id": "Sparte", "name": "Sparte"}, "distinct": True}
    with Graph.from_frames(
        {
            "User": customers,
            "Product": articles,
            "Brand": articles,
            "Category": articles,
            "MADE_BY": articles,
            "IN_CATEGORY": articles,
            "PURCHASED": log,
            "VIEWED": log,
        },
        mapping={
            "User": {"user_id": "Kundennr", "city": "Stadt"},
            "Product": {
                "product_id": "Art.-Nr",
                "title": "Bezeichnung",
                "price": {"column": "Preis", "decimal": ","},
            },
            "Brand": brand,
            "Category": category,
            "MADE_BY": {"product_id": "Art.-Nr", "brand_id": "Marke"},
            "IN_CATEGORY": {"product_id": "Art.-Nr", "category_id": "Sparte"},
            "PURCHASED": {"columns": event, "where": {"art": "kauf"}},
            "VIEWED": {"columns": event, "where": {"art": "blick"}},
        },
    ) as graph:
        yield graph


@pytest.fixture(scope="module")
def trained(graph):
    return train(graph, config=CONFIG)


@pytest.fixture(scope="module")
def recommender(trained):
    return Recommender.from_training(trained)


def test_only_what_nobody_can_use_is_set_aside(graph, tables):
    customers, _, log = tables
    rejects = graph.rejects().to_pandas()
    found = rejects.groupby(["file", "code"]).size().to_dict()
    assert found == {
        ("PURCHASED", "unknown_target"): 1,
        ("PURCHASED", "unknown_source"): 1,
        ("PURCHASED", "missing_value"): 3,
        ("User", "duplicate_key"): 2,
    }
    report = graph.report.to_pandas().set_index("file")
    assert report.loc["PURCHASED", "added"] == (log["art"] == "kauf").sum() - 5
    assert report.loc["VIEWED", "added"] == (log["art"] == "blick").sum()
    # The number of a row leads back to it.
    numbered = rejects[rejects["file"] == "User"]["row"]
    assert customers.iloc[numbered - 1]["Kundennr"].tolist() == ["K00000", "K00001"]


def test_people_get_what_they_like_as_a_frame(recommender, tables):
    customers, articles, _ = tables
    people = customers.drop_duplicates("Kundennr").set_index("Kundennr")
    answers = recommender.recommend_many("User", [*people.index, "K99999"], "Product", k=5)
    assert answers.outcomes["K99999"] == "unknown_id"
    frame = answers.to_pandas()
    assert len(frame) == 5 * PEOPLE
    assert not frame.duplicated(["query_id", "id"]).any()
    prices = dict(zip(articles["Art.-Nr"].astype(str), articles["Preis"], strict=True))
    assert frame["price"].tolist() == [float(prices[one].replace(",", ".")) for one in frame["id"]]
    taste = people.loc[frame["query_id"], "taste"].map(dict(enumerate(TASTES)))
    share = (frame["category"].to_numpy() == taste.to_numpy()).mean()
    assert share > 0.8  # of everything, half is of one's taste
    assert share > 0.5 + 2 * (0.5 - shuffled_share(frame, taste))


def shuffled_share(frame, taste):
    """The same share if tastes are dealt out anew; about a half."""
    dealt = np.random.default_rng(0).permutation(taste.to_numpy())
    return (frame["category"].to_numpy() == dealt).mean()


def test_it_beats_popularity_on_what_came_later(trained, graph):
    scores = trained.to_pandas().set_index(["task", "model"])["ndcg@20"]
    assert scores["all products", "svd"] > 1.2 * scores["all products", "popularity"]
    measured = evaluate(graph, config=CONFIG).to_pandas()
    means = measured[measured["metric"] == "ndcg@10"].set_index(["task", "model"])["mean"]
    assert means["all products", "svd"] > 1.2 * means["all products", "popularity"]


def test_brands_find_their_people_and_products_their_like(recommender, tables):
    customers, articles, _ = tables
    tastes = dict(zip(customers["Kundennr"], customers["taste"], strict=True))
    for place, brand in enumerate(("leaf", "peak")):
        audience = recommender.users_for_brand(brand, k=20).to_pandas()
        assert (audience["id"].map(tastes) == place).mean() > 0.8
    sections = dict(zip(articles["Art.-Nr"].astype(str), articles["Sparte"], strict=True))
    alike = pd.concat(
        [recommender.similar_products(one, k=3).to_pandas() for one in list(sections)[:10]]
    )
    same = alike["id"].map(sections).to_numpy() == alike["query_id"].map(sections).to_numpy()
    assert same.mean() > 0.8


def test_what_she_mistypes_is_told(recommender):
    with pytest.raises(UnknownIdError, match="no User has the id 'k7'; did you mean 'K00007'"):
        recommender.products_for_user("k7")
    for filters in ({"categories": "露营"}, Filters(categories="camping")):
        with pytest.raises(QueryError, match="did you mean '露营 Camping'"):
            recommender.products_for_user("K00007", filters=filters)
    with pytest.raises(QueryError, match=r"no filter 'category'.*did you mean 'categories'"):
        recommender.products_for_user("K00007", filters={"category": TASTES[0]})


def test_visitors_with_a_few_events_get_the_same_taste(recommender):
    answers = []
    for place in range(2 * 15):
        first, second, third = (str(100 + place + 2 * step) for step in range(3))
        events = [("VIEWED", first), ("VIEWED", "new today"), ("VIEWED", second)]
        answer = recommender.products_for_events([*events, ("PURCHASED", third)], k=5)
        assert [one.id for one in answer.trace.skipped] == ["new today"]
        assert not {first, second, third} & set(answer.ids)
        answers.append(answer.to_pandas().assign(taste=TASTES[place % 2]))
    frame = pd.concat(answers)
    assert (frame["category"] == frame["taste"]).mean() > 0.8


def test_it_is_kept_only_where_she_wants_it(graph, tmp_path):
    trained = train(graph, config=CONFIG, holdout_days=None)
    folder = trained.bundle.folder
    answer = Recommender.from_training(trained).products_for_user("K00007")
    kept = trained.save(tmp_path / "bundle")
    del trained
    gc.collect()
    assert not folder.exists()
    assert Recommender.open(kept).products_for_user("K00007") == answer
