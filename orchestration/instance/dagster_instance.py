"""Dagster's instance of this checkout: `dagster.yaml` of the root, state in HEALTH_STATE_DIR."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from orchestration.base.settings import ROOT, Settings


def environment(settings: Settings) -> dict[str, str]:
    """What Dagster's own programs need to know to work on these settings."""
    state = settings.state / "dagster"
    state.mkdir(parents=True, exist_ok=True)
    return {
        **settings.environment,
        "DAGSTER_HOME": os.environ.get("DAGSTER_HOME") or str(ROOT),
        "DAGSTER_STATE_DIR": str(state),
        # Events of one asset's partitions are stored together, so many at a time.
        "DAGSTER_EVENT_BATCH_SIZE": os.environ.get("DAGSTER_EVENT_BATCH_SIZE") or "1000",
    }


@contextmanager
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance, for a run in this process, which reads its settings from the environment."""
    previous = dict(os.environ)
    os.environ.update(environment(settings))
    try:
        with dg.DagsterInstance.get() as found:
            yield found
    finally:
        os.environ.clear()
        os.environ.update(previous)
