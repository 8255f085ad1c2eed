"""A publish that is interrupted, or meets another one, in a real Neo4j."""

import pytest
from contracts.publish_world import ask, assert_only, id_of

from graphdb.errors import StoreError
from graphdb.stores.neo4j.publishing import publisher
from graphrec.publishing import publish


def test_another_release_clears_away_what_was_interrupted(shop, plain, recommenders, monkeypatch):
    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(publisher.statements, "create", dies)
        publish(recommenders[0], shop.url)
    publish(recommenders[1], shop.url)
    assert_only(plain, recommenders[1])


def test_two_publishers_the_later_one_wins(shop, plain, recommenders, monkeypatch):
    first, second = recommenders
    real = publisher.statements.create

    def meanwhile(*arguments):
        monkeypatch.setattr(publisher.statements, "create", real)
        publish(second, shop.url)
        real(*arguments)

    monkeypatch.setattr(publisher.statements, "create", meanwhile)
    with pytest.raises(StoreError, match=r"another publish took over.*then publish again"):
        publish(first, shop.url)
    assert ask(plain, "u00003")[0] == id_of(second)
    publish(second, shop.url)
    # The indexes of the first came after the second's clean-up; the first's own re-run takes over.
    publish(first, shop.url)
    assert_only(plain, first)
