"""Events that come together are stored in one transaction, and nobody can tell the difference."""

from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Engine, event

DATES = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-03-01")
RANGE = {"dagster/asset_partition_range_start": "2026-01-01"} | {
    "dagster/asset_partition_range_end": "2026-02-20"
}
DAYS = 51


@dg.asset(partitions_def=DATES, backfill_policy=dg.BackfillPolicy.single_run())
def by_date(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 5})


@dg.asset(deps=[by_date], check_specs=[dg.AssetCheckSpec("is_good", asset="whole")])
def whole() -> dg.MaterializeResult:
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


def run(folder: Path, batch_size: int, monkeypatch: pytest.MonkeyPatch) -> tuple[dict, int]:
    """What is known after a backfill in one run, and how many transactions it took."""
    folder.mkdir()
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", str(batch_size))
    log = {
        "module": "orchestration.instance.event_log",
        "class": "OpenEventLog",
        "config": {"base_dir": str(folder / "log")},
    }
    job = dg.define_asset_job("job", selection="*")
    definitions = dg.Definitions(
        assets=[by_date, whole], jobs=[job], executor=dg.in_process_executor
    )
    commits = 0

    def count(_connection: object) -> None:
        nonlocal commits
        commits += 1

    with dg.DagsterInstance.local_temp(str(folder), {"event_log_storage": log}) as instance:
        event.listen(Engine, "commit", count)
        try:
            result = definitions.resolve_job_def("job").execute_in_process(
                instance=instance, tags=RANGE
            )
        finally:
            event.remove(Engine, "commit", count)
        assert result.success
        storage = instance.event_log_storage
        records = storage.get_records_for_run(result.run_id, limit=10_000).records
        known: dict[str, object] = {
            "events": sorted(str(record.event_log_entry.dagster_event_type) for record in records),
            "checks": [
                record.status
                for record in storage.get_asset_check_execution_history(
                    dg.AssetCheckKey(whole.key, "is_good"), limit=5
                )
            ],
        }
        for asset in (by_date, whole):
            latest = instance.get_latest_materialization_event(asset.key)
            materialization = latest.asset_materialization
            [record] = instance.get_asset_records([asset.key])
            known[asset.key.to_string()] = (
                sorted(map(str, instance.get_materialized_partitions(asset.key))),
                materialization.partition,
                materialization.metadata,
                sorted(materialization.tags),
                record.asset_entry.last_materialization.asset_materialization.partition,
                record.asset_entry.last_run_id == result.run_id,
                len(storage.get_event_tags_for_asset(asset.key)),
                len(instance.fetch_materializations(asset.key, limit=1000).records),
            )
        return known, commits


def test_a_backfill_is_known_as_if_each_event_had_come_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, many = run(tmp_path / "alone", 0, monkeypatch)
    together, few = run(tmp_path / "together", 1000, monkeypatch)
    assert together == alone
    assert len(together[by_date.key.to_string()][0]) == DAYS
    assert many > 4 * DAYS
    assert few < many - 3 * DAYS, f"{few} transactions"
