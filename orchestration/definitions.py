"""Everything that Dagster knows of this project."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.assets.assets import all_assets
from orchestration.base.settings import Settings
from orchestration.dbt_runner.manifest import manifest
from orchestration.runs.health_run import health_run_resource
from orchestration.runs.jobs import assets, health
from orchestration.runs.schedules import nightly
from orchestration.runs.selection import Everything
from orchestration.runs.sensors import all_sensors


@dg.definitions
def definitions() -> dg.Definitions:
    return build()


def build(
    settings: Settings | None = None, *, resources: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """All definitions; settings of the environment, and the project's resources, if not given."""
    assets_made = list(all_assets(manifest(settings or Settings.from_environment())))
    whole = {"health_run": health_run_resource(Everything.of(assets_made))}
    return dg.Definitions(
        assets=assets_made,
        jobs=[health, assets],
        schedules=[nightly],
        sensors=all_sensors(),
        resources={**whole, **(resources or {})},
        # One process: every step of another executor would import all again.
        executor=dg.in_process_executor,
    )
