"""Everything that Dagster knows of this project."""

import dagster as dg

from orchestration.assets import all_assets
from orchestration.health_run import health_run
from orchestration.jobs import health
from orchestration.manifest import manifest
from orchestration.schedules import nightly
from orchestration.sensors import all_sensors
from orchestration.settings import Settings


@dg.definitions
def definitions() -> dg.Definitions:
    return build()


def build() -> dg.Definitions:
    settings = Settings.from_environment()
    return dg.Definitions(
        assets=list(all_assets(manifest(settings))),
        jobs=[health],
        schedules=[nightly],
        sensors=all_sensors(),
        resources={"health_run": health_run},
        # One process: every step of another executor would import all again.
        executor=dg.in_process_executor,
    )
