"""One history and one server for all tests of the pages that change nothing."""

from collections.abc import Iterator

import pytest
from pages_server import published_sample, serving
from pipeline import Warehouse


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return published_sample(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="session")
def address(warehouse: Warehouse) -> Iterator[str]:
    with serving(warehouse.settings) as found:
        yield found
