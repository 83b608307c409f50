"""A test has its folder as a marker. Modules that take longest begin first, so that no worker is
left with one of them at the end.

What commands print is as wide for every test, whatever the terminal and other tests say.
"""

import pytest

LONGEST = (
    *(
        "test_spark",
        "test_kill",
        "test_erasure",
        "test_dagster_clicks",
        "test_readme",
        "test_reruns",
        "test_random_worlds",
    ),
    *("test_night", "test_growing_tables", "test_corruptions", "test_hostile_names"),
    *("test_dagster_kill", "test_restore", "test_personal_data"),
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
