"""The jobs: of the night, and of what is launched from the pages of the assets."""

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME

HEALTH_JOB = "health"
# Dagster's UI launches chosen assets by the first job that has all of them, in the order of names.
# Its own one (`__ASSET_JOB`) parts a backfill into a run for each stretch of assets that are alike
# in having partitions or not; that of a job is a single run. So this name sorts before it.
ASSETS_JOB = "Assets"
JOBS = (HEALTH_JOB, ASSETS_JOB, IMPLICIT_ASSET_JOB_NAME)
HOURS_6 = str(6 * 3600)
EVERYTHING = dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks()
TAGS = {
    "dagster/max_runtime": HOURS_6,
    # What a killed run left behind is completed from the start.
    "dagster/retry_strategy": "ALL_STEPS",
}


health = dg.define_asset_job(
    HEALTH_JOB,
    selection=EVERYTHING,
    description="Calculate health for a health date or a range of them, check it, publish it,"
    " send alerts.",
    tags=TAGS,
)

assets = dg.define_asset_job(
    ASSETS_JOB,
    selection=EVERYTHING,
    description="What is launched from the pages of assets: all of them, or some.",
    tags=TAGS,
)
