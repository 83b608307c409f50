"""The job of the night: everything, for some health dates."""

import dagster as dg

HEALTH_JOB = "health"
HOURS_6 = str(6 * 3600)


health = dg.define_asset_job(
    HEALTH_JOB,
    selection=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),
    description="Calculate health for a health date or a range of them, check it, publish it,"
    " send alerts.",
    tags={
        "dagster/max_runtime": HOURS_6,
        # What a killed run left behind is made good from the start.
        "dagster/retry_strategy": "ALL_STEPS",
    },
)
