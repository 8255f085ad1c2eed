"""A server that is too old, or none of Neo4j's: a real one behind a proxy that renames it."""

import socket
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Thread

import pytest

from graphdb.errors import StoreError
from graphdb.stores.neo4j import Neo4jStore


@contextmanager
def renamed(uri: str, old: bytes, new: bytes):
    """The address of a proxy that says `new` where the server says `old`, of the same length."""
    host, port = uri.partition("://")[2].split(":")
    threads, ends = [], []

    def carry(source: socket.socket, sink: socket.socket, *change: bytes) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data.replace(*change) if change else data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection((host, int(port)))
                ends.extend([client, server])
                for way in ((client, server), (server, client, old, new)):
                    threads.append(Thread(target=carry, args=way))
                    threads[-1].start()

    def hang_up() -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for end in ends:
            end.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = Thread(target=serve)
        accepting.start()
        try:
            yield f"bolt://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            hang_up()


def agent_of(plain) -> bytes:
    return plain.get_server_info().agent.encode()


@pytest.mark.usefixtures("empty")
def test_the_proxy_itself_is_no_hindrance(impatient, plain):
    agent = agent_of(plain)
    with renamed(impatient.uri, agent, agent) as uri:
        Neo4jStore(replace(impatient, uri=uri)).close()


@pytest.mark.parametrize(
    ("name", "shown"), [(b"Neo4j/4", r"Neo4j/4\."), (b"Other/5", r"Other/5\.")]
)
def test_a_server_that_is_too_old_or_another_is_refused(impatient, empty, name, shown):
    agent = agent_of(empty)
    with (
        renamed(impatient.uri, agent, agent.replace(b"Neo4j/5", name)) as uri,
        pytest.raises(
            StoreError, match=f"is {shown}.*expected Neo4j 5.7 or newer; upgrade it"
        ) as caught,
    ):
        Neo4jStore(replace(impatient, uri=uri))
    assert not caught.value.retryable
    ((nodes,),) = empty.execute_query("MATCH (n) RETURN count(n)").records
    assert nodes == 0


@pytest.mark.parametrize(
    "answer",
    [b"\0\0\4\4", b"\0\0\0\3", b"\0\0\0\0"],
    ids=["Bolt 4.4", "Bolt 3", "none in common"],
)
def test_a_server_too_old_for_the_driver_is_refused(impatient, answer):
    def serve() -> None:
        client, _ = listener.accept()
        with client, suppress(OSError):
            client.recv(1024)
            client.sendall(answer)
            while client.recv(1024):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Thread(target=serve)
        server.start()
        uri = f"bolt://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(
            StoreError, match=r"cannot be used.*Bolt.*expected Neo4j 5\.7 or newer; upgrade it"
        ) as caught:
            Neo4jStore(replace(impatient, uri=uri))
        server.join()
    assert not caught.value.retryable
