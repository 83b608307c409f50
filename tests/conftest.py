"""Modules that take longest begin first, so that no worker is left with one of them at the end."""

import pytest

LONGEST = ("test_kill", "test_readme", "test_reruns", "test_random_worlds", "test_night")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        module = item.path.stem
        return LONGEST.index(module) if module in LONGEST else len(LONGEST)

    items.sort(key=place)
