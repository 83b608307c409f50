"""Programs of the distribution that a test needs: skipped without, but not where CI runs them."""

import os
from typing import NoReturn

import pytest


def skip_without(words: str) -> NoReturn:
    """Skip the test, or fail it where HEALTH_REQUIRE_PROGRAMS says that all programs are there."""
    if os.environ.get("HEALTH_REQUIRE_PROGRAMS"):
        pytest.fail(words)
    pytest.skip(words)
