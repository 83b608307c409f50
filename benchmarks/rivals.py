"""What others would do: each rival works out the metrics of product adoption of one health date.

Run as `python -m benchmarks.rivals RIVAL RAW NIGHT RESULT [WAREHOUSE]` in a process of its own, so
that its time and memory are its own. Writes the metrics it found to the Parquet file RESULT
(account_id, metric_id, value; none where a metric is missing) and its seconds to standard output.
"""

import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb

from benchmarks import frames

SQL = Path(__file__).with_name("product_metrics.sql")
TABLES = ("accounts", "users", "subscriptions")
RAW_EVENTS = """
    select account_id, user_id, feature, module, occurred_at::date as day, event_count
    from read_parquet('{raw}/events/**/*.parquet', hive_partitioning = false)
"""
DAILY_EVENTS = """
    select account_id, user_id, feature, module, event_day as day, event_count
    from warehouse.intermediate.int_events_daily
"""


def floor_from_raw(raw: Path, night: date, warehouse: Path) -> duckdb.DuckDBPyRelation:
    """One statement over the raw files."""
    return with_sql(duckdb.connect(), raw, night, RAW_EVENTS.format(raw=raw))


def floor_from_roll_up(raw: Path, night: date, warehouse: Path) -> duckdb.DuckDBPyRelation:
    """One statement over the pipeline's own roll-up by day."""
    connection = duckdb.connect()
    connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
    return with_sql(connection, raw, night, DAILY_EVENTS)


def with_sql(
    connection: duckdb.DuckDBPyConnection, raw: Path, night: date, events: str
) -> duckdb.DuckDBPyRelation:
    connection.execute("set threads = 2")
    for table in TABLES:
        connection.execute(f"create temp view {table} as from '{raw}/{table}.parquet'")
    connection.execute(f"create temp view events as {events}")
    sql = SQL.read_text().replace("$night", f"date '{night}'")
    connection.execute(f"create temp table metrics as {sql}")
    return connection.table("metrics")


def pandas(raw: Path, night: date, warehouse: Path) -> duckdb.DuckDBPyRelation:
    """pandas over the raw files."""
    return duckdb.from_df(frames.with_pandas(raw, night))


def polars(raw: Path, night: date, warehouse: Path) -> duckdb.DuckDBPyRelation:
    """Polars, lazily and streaming, over the raw files."""
    return duckdb.from_df(frames.with_polars(raw, night))


RIVALS: dict[str, Callable[[Path, date, Path], duckdb.DuckDBPyRelation]] = {
    "floor from roll-up": floor_from_roll_up,
    "floor from raw": floor_from_raw,
    "Polars": polars,
    "pandas": pandas,
}


def main(rival: str, raw: str, night: str, result: str, warehouse: str) -> None:
    started = time.perf_counter()
    metrics = RIVALS[rival](Path(raw), date.fromisoformat(night), Path(warehouse))
    seconds = time.perf_counter() - started
    wide = metrics.project("account_id, columns(* exclude account_id)::double")
    wide.query(
        "wide",
        "select account_id, metric_id, value from (unpivot wide on columns(* exclude account_id) "
        "into name metric_id value value) where not isnan(value)",
    ).write_parquet(result)
    print(seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
