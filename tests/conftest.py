"""A test has its folder as a marker. Modules that take longest begin first, so that no worker is
left with one of them at the end.

What commands print is as wide for every test, whatever the terminal and other tests say.
"""

from collections.abc import Iterator

import pytest
from pipeline import serving_dbt

LONGEST = (
    *("test_spark", "test_kill", "test_erasure", "test_dagster_clicks", "test_readme"),
    *("test_reruns", "test_random_worlds", "test_night", "test_growing_tables"),
    *("test_corruptions", "test_hostile_names", "test_dagster_kill", "test_restore"),
    *("test_personal_data",),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        module = item.path.stem
        return LONGEST.index(module) if module in LONGEST else len(LONGEST)

    items.sort(key=place)
    for item in items:
        item.add_marker(item.path.parent.name)


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True, scope="session")
def dbt_that_has_read_the_project(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests are spared what takes dbt longer than to calculate."""
    if all(item.path.parent.name == "unit" for item in request.session.items):
        yield
    else:
        with serving_dbt():
            yield


@pytest.fixture
def dbt_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """dbt is started as outside of tests."""
    monkeypatch.delenv("TEST_DBT_SERVER")
