"""Everything that Dagster knows of this project."""

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
