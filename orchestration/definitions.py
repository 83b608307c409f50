"""Everything that Dagster knows of this project."""

import dagster as dg

from orchestration.assets import all_assets
from orchestration.health_run import health_run_resource
from orchestration.jobs import assets, health
from orchestration.manifest import manifest
from orchestration.schedules import nightly
from orchestration.selection import Everything
from orchestration.sensors import all_sensors
from orchestration.settings import Settings


@dg.definitions
def definitions() -> dg.Definitions:
    return build()


def build() -> dg.Definitions:
    settings = Settings.from_environment()
    definitions = list(all_assets(manifest(settings)))
    return dg.Definitions(
        assets=definitions,
        jobs=[health, assets],
        schedules=[nightly],
        sensors=all_sensors(),
        resources={"health_run": health_run_resource(Everything.of(definitions))},
        # One process: every step of another executor would import all again.
        executor=dg.in_process_executor,
    )
