import pytest
from contracts.market import make_market


@pytest.fixture(scope="session")
def market(tmp_path_factory):
    return make_market(tmp_path_factory.mktemp("market") / "bundle")
