"""Bundles of worlds where the right explanation is known."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from contracts.explain_world import NAMES, SHOP, Edges, bundle_of

from graphrec import Bundle


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Bundle]:
    """A bundle of the given edges; each call writes another."""
    made: list[Bundle] = []

    def make(edges: Edges = SHOP, names: Mapping[str, str] = NAMES) -> Bundle:
        made.append(bundle_of(tmp_path / f"bundle{len(made)}", edges, names))
        return made[-1]

    return make


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return bundle_of(tmp_path_factory.mktemp("shop") / "bundle", SHOP)


@pytest.fixture(scope="session")
def ways() -> Callable[..., list[str]]:
    """The paths of an explanation as 'ann p1 acme p9'."""

    def read(explanation) -> list[str]:
        return [" ".join(node.id for node in path.nodes) for path in explanation.paths]

    return read
