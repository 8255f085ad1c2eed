"""Three releases of one market that answer differently, and a registry to put them in."""

import shutil

import numpy as np
import pytest
from contracts.market import IDS, make_market

from graphrec import Registry


@pytest.fixture(scope="session")
def releases(tmp_path_factory):
    """Bundles by name: in 'two' the users are turned around, in 'three' the products are."""
    folder = tmp_path_factory.mktemp("bundles")
    one = make_market(folder / "one", metrics={"recall@20": 0.5, "ndcg@20": 0.25, "depth": 20})
    found = {"one": one}
    for name, turned in (("two", "User"), ("three", "Product")):
        vectors = {node_type: np.array(one.vectors(node_type)) for node_type in IDS}
        vectors[turned] *= -1
        found[name] = make_market(folder / name, vectors=vectors)
    return found


@pytest.fixture
def registry(tmp_path):
    """One that nothing is in yet."""
    return Registry(tmp_path / "registry")


@pytest.fixture(scope="session")
def template(releases, tmp_path_factory):
    registry = Registry(tmp_path_factory.mktemp("template") / "registry")
    for name, bundle in releases.items():
        registry.promote(bundle.folder, name=name)
    return registry


@pytest.fixture
def filled(template, tmp_path):
    """One with 'one', 'two' and 'three', promoted in this order."""
    return Registry(shutil.copytree(template.folder, tmp_path / "registry"))
