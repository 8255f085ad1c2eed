"""Faults against a real server: each gives its typed error, and what was there stays whole."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from threading import Thread

import pyarrow as pa
import pytest
from contracts.blocked import wait_until_blocked
from contracts.store import PURCHASED, fill, purchases, rows, table, users

from graphdb import SCHEMA, UpsertCounts, open_store
from graphdb.errors import StoreError, StoreUnavailableError
from graphdb.stores.neo4j import Neo4jSettings, Neo4jStore, cypher, maintenance, writing


def whole_story(error: BaseException) -> str:
    """The message, and everything that a traceback with its causes would show."""
    return str(error) + "".join(traceback.format_exception(error))


def test_a_server_that_is_down_is_retryable(impatient):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound, but nobody listens
        uri = f"bolt://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(StoreUnavailableError, match=r"cannot be reached.*start it") as caught:
            Neo4jStore(replace(impatient, uri=uri))
    assert caught.value.retryable


@pytest.mark.parametrize(
    "uri", ["neo4j://no-such-host.invalid", "bolt://no-such-host.invalid", "bolt://127.0.0.1:port"]
)
def test_an_address_that_leads_nowhere_is_named(impatient, uri):
    with pytest.raises(StoreUnavailableError, match="cannot be re") as caught:
        Neo4jStore(replace(impatient, uri=uri))
    assert uri in str(caught.value)


def test_an_address_of_another_kind_is_refused(impatient):
    with pytest.raises(StoreError, match=r"is not the address of a Neo4j server.*neo4j://HOST"):
        Neo4jStore(replace(impatient, uri="redis://127.0.0.1"))


def test_a_wrong_password_is_refused_and_never_shown(impatient):
    wrong = replace(impatient, password="hunter2-hunter2")
    with pytest.raises(
        StoreError, match=r"does not let the user 'neo4j'.*NEO4J_PASSWORD"
    ) as caught:
        Neo4jStore(wrong)
    assert not caught.value.retryable
    assert "hunter2" not in whole_story(caught.value)
    assert "hunter2" not in repr(wrong)


def test_a_password_in_the_url_is_refused_and_never_shown():
    with pytest.raises(StoreError, match=r"holds a user or password.*NEO4J_PASSWORD") as caught:
        open_store("bolt://neo4j:hunter2@127.0.0.1")
    assert "hunter2" not in str(caught.value)
    assert caught.value.value is None


def test_without_a_password_the_next_step_is_named(monkeypatch):
    monkeypatch.delenv("NEO4J_PASSWORD")
    with pytest.raises(StoreError, match=r"no password.*set NEO4J_PASSWORD"):
        open_store("neo4j://127.0.0.1")


@pytest.mark.usefixtures("empty")
def test_the_password_may_stand_in_a_file(settings, tmp_path, monkeypatch):
    file = tmp_path / "password"
    monkeypatch.delenv("NEO4J_PASSWORD")
    monkeypatch.setenv("NEO4J_PASSWORD_FILE", str(file))
    with pytest.raises(StoreError, match="NEO4J_PASSWORD_FILE cannot be read: No such file"):
        open_store(settings.uri)
    file.write_text(settings.password + "\n")
    open_store(settings.uri).close()


@pytest.mark.parametrize("scheme", ["bolt+s", "bolt+ssc", "neo4j+s", "neo4j+ssc"])
def test_tls_is_asked_for_and_this_server_has_none(impatient, scheme):
    address = impatient.uri.partition("://")[2]
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        Neo4jStore(replace(impatient, uri=f"{scheme}://{address}"))


def test_an_unknown_database_is_named(impatient):
    with pytest.raises(StoreError, match="has no database 'sales'; set NEO4J_DATABASE"):
        Neo4jStore(replace(impatient, database="sales"))


def test_a_foreign_database_is_refused_and_left_alone(settings, empty):
    empty.execute_query("CREATE (:Mine {x: 1})-[:OWNS]->(:Mine)")
    with pytest.raises(StoreError, match="holds 2 nodes that graphrec did not write"):
        open_store(settings.uri)
    ((labels, nodes),) = empty.execute_query(
        "MATCH (n) RETURN collect(DISTINCT labels(n)), count(n)"
    ).records
    assert (labels, nodes) == ([["Mine"]], 2)
    with open_store(settings.uri, beside_others=True) as store:
        fill(store)
    with open_store(settings.uri) as store:
        assert store.counts()["User"] == 2
    ((mine,),) = empty.execute_query("MATCH (n:Mine)-[:OWNS]->(:Mine) RETURN n.x").records
    assert mine == 1


def test_opening_without_create_needs_a_store(settings, empty):
    with pytest.raises(StoreError, match=r"there is no graph of graphrec in .*`graphrec ingest`"):
        open_store(settings.uri, create=False)
    ((nodes,),) = empty.execute_query("MATCH (n) RETURN count(n)").records
    assert nodes == 0


@pytest.mark.usefixtures("store")
def test_another_store_format_is_refused(settings, empty):
    empty.execute_query("MATCH (m:_GraphRec {name: 'store'}) SET m.format_version = '99'")
    with pytest.raises(StoreError, match="has store format 99; expected format 2"):
        Neo4jStore(settings)


@pytest.mark.usefixtures("store")
def test_a_store_of_format_1_is_converted_when_it_is_opened_for_writing(
    settings, empty, monkeypatch
):
    with open_store(settings.uri) as store:
        fill(store)
        followers = table("Creator", creator_id=["c1"], followers=[7])
        store.upsert_nodes("Creator", followers)
        live = purchases(("ann", "tea", 3, 2.0))
        live = live.append_column("channel", [["live"]])
        store.upsert_edges(PURCHASED, live)
        before = sorted(store.read_edges(PURCHASED).read_all().to_pylist(), key=str)
    ((declared,),) = empty.execute_query(
        "MATCH (m:_GraphRec {name: 'store'}) RETURN m.graph_schema"
    ).records
    plain = json.loads(declared)
    for relation in plain["relations"]:
        relation["behaviour_weight"] = relation.pop("event_weight")
    (creator,) = (one for one in plain["node_types"] if one["name"] == "Creator")
    for column in creator["properties"]:
        column["name"] = {"followers": "fans"}.get(column["name"], column["name"])
    empty.execute_query(
        "MATCH (m:_GraphRec {name: 'store'}) SET m.format_version = '1', m.graph_schema = $plain",
        plain=json.dumps(plain),
    )
    empty.execute_query(
        "MATCH ()-[r:PURCHASED]->() WHERE r.channel IS NOT NULL"
        " SET r.scene = r.channel REMOVE r.channel"
    )
    empty.execute_query("MATCH (c:Creator) SET c.fans = c.followers REMOVE c.followers")
    monkeypatch.setattr(maintenance, "_UPGRADED_AT_ONCE", 1)
    with open_store(settings.uri) as store:
        assert store.schema == SCHEMA
        (creator,) = store.read_nodes("Creator").read_all().to_pylist()
        assert creator["followers"] == 7
        after = sorted(store.read_edges(PURCHASED).read_all().to_pylist(), key=str)
        assert after == before
        assert any(one["channel"] == "live" for one in after)


@pytest.mark.usefixtures("empty")
def test_a_closed_store_says_so(settings):
    store = Neo4jStore(settings)
    store.close()
    with pytest.raises(StoreError):
        store.counts()


def test_a_batch_too_large_for_the_server_is_refused_whole_and_at_once(own_server):
    settings = own_server.settings
    assert settings is not None
    many = pa.table({"user_id": [f"{'long' * 20}{number}" for number in range(150_000)]})
    with Neo4jStore(settings) as store:
        before = store.counts()["User"]
        began = time.monotonic()
        with pytest.raises(
            StoreError, match=r"150,000 rows does not fit.*write fewer rows"
        ) as caught:
            store.upsert_nodes("User", many)
        assert not caught.value.retryable
        assert time.monotonic() - began < settings.retry_time_s, "not tried again in vain"
        assert store.counts()["User"] == before


def test_a_deadlock_is_tried_again(store, empty, monkeypatch):
    store.upsert_nodes("User", table("User", user_id=["ann"], city=["Rome"]))
    real, tries, counts = writing.upsert_nodes, [], []

    def counted(*arguments):
        tries.append(1)
        return real(*arguments)

    def write():
        batch = table("User", user_id=["ann"], city=["Oslo"])
        counts.append(store.upsert_nodes("User", batch))

    monkeypatch.setattr(writing, "upsert_nodes", counted)
    with empty.session() as session, session.begin_transaction() as other:
        other.run("MATCH (u:User {user_id: 'ann'}) SET u.city = 'Bonn'").consume()
        # The server ends the transaction with fewer locks.
        other.run("UNWIND range(1, 200) AS number CREATE (:Other {number: number})").consume()
        writer = Thread(target=write)
        writer.start()  # it locks the table, then waits for ann
        wait_until_blocked(empty)
        other.run(cypher.lock(), names=["User"]).consume()
        other.commit()
    writer.join()
    assert counts == [UpsertCounts(0, 1, 0)]
    assert len(tries) > 1, "the server broke the deadlock by ending the store's transaction"
    assert rows(store.read_nodes("User", columns=["city"])) == [("Oslo",)]


def test_a_rerun_completes_what_a_killed_server_interrupted(own_server, monkeypatch):
    settings = replace(own_server.settings, retry_time_s=1.0, connect_timeout_s=2.0)
    batches = [
        purchases(*(("ann", f"p{batch}-{number}", 1, 1.0) for number in range(400)))
        for batch in range(3)
    ]
    products = [product for batch in batches for product in batch["target_id"].to_pylist()]
    pid = json.loads((own_server.home / "server.json").read_text())["pid"]
    real, creates = writing._create, []

    def dies_in_the_middle(*arguments):
        real(*arguments)
        creates.append(1)
        if len(creates) == 6:  # the second chunk of the second batch
            os.kill(pid, signal.SIGKILL)

    monkeypatch.setattr(writing, "CHUNK_ROWS", 100)
    with Neo4jStore(settings, beside_others=True) as store:
        store.upsert_nodes("User", users("ann"))
        store.upsert_nodes("Product", table("Product", product_id=products))
        monkeypatch.setattr(writing, "_create", dies_in_the_middle)
        with pytest.raises(StoreUnavailableError, match="cannot be reached") as caught:
            for batch in batches:
                store.upsert_edges(PURCHASED, batch)
        assert caught.value.retryable
    monkeypatch.setattr(writing, "_create", real)

    own_server.start()
    with Neo4jStore(own_server.settings) as store:
        assert store.counts()[PURCHASED] == 400, "the first batch whole, nothing of the second"
        counts = [store.upsert_edges(PURCHASED, batch) for batch in batches]
        assert counts == [
            UpsertCounts(0, 0, 400),
            UpsertCounts(400, 0, 0),
            UpsertCounts(400, 0, 0),
        ]
        bought = store.read_edges(PURCHASED, columns=["target_id"]).read_all()["target_id"]
        assert bought.to_pylist() == sorted(products)


def test_the_driver_is_loaded_on_demand_and_its_absence_explained():
    script = (
        "import sys, graphdb; assert 'neo4j' not in sys.modules; sys.modules['neo4j'] = None\n"
        "try: graphdb.open_store('bolt://127.0.0.1')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert said.stdout.startswith("StoreError Neo4j's driver is not installed")
    assert "pip install 'graphrec[neo4j]'" in said.stdout


def test_the_environment_gives_user_and_database():
    settings = Neo4jSettings.from_environment(
        "bolt://db", {"NEO4J_USER": "eve", "NEO4J_PASSWORD": "p", "NEO4J_DATABASE": "shop"}
    )
    assert (settings.user, settings.password, settings.database) == ("eve", "p", "shop")
