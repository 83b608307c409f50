"""What others would do for one health date: the floors find all metrics and states of the starter
configuration, pandas and Polars all metrics.

Run as `python -m benchmarks.rivals RIVAL RAW NIGHT RESULT [WAREHOUSE]` in a process of its own, so
that its time and memory are its own. Writes what it found to the Parquet file RESULT (account_id,
name of a metric, pillar or `overall`, value of the metric or score, state; no row for a metric that
is missing) and its seconds to standard output.
"""

import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb

from benchmarks import floor_states, frames

SQL = Path(__file__).with_name("floor_metrics.sql")
TABLES = (
    "accounts",
    "account_attributes",
    "account_tags",
    "users",
    "subscriptions",
    "invoices",
    "tickets",
    "touchpoints",
    "survey_responses",
    "risk_assessments",
)
# Only rows whose id is there again are compared with one another.
RAW_EVENTS = """
    with delivered as (
        from read_parquet('{raw}/events/**/*.parquet', hive_partitioning = false)
    ),
    repeated as (
        select hash(event_id) as id_hash from delivered group by all having count(*) > 1
    ),
    events as (
        from delivered where hash(event_id) not in (from repeated)
        union all
        select distinct * from delivered where hash(event_id) in (from repeated)
    )
    select account_id, user_id, feature, module, occurred_at::date as day, event_count from events
"""
DAILY_EVENTS = """
    select account_id, user_id, feature, module, event_day as day, event_count
    from warehouse.intermediate.int_events_daily
"""


def floor_from_raw(raw: Path, night: date, warehouse: Path) -> duckdb.DuckDBPyConnection:
    """Two statements over the raw files."""
    return with_sql(duckdb.connect(), raw, night, RAW_EVENTS.format(raw=raw))


def floor_from_roll_up(raw: Path, night: date, warehouse: Path) -> duckdb.DuckDBPyConnection:
    """The same over the pipeline's own roll-up of events by day."""
    connection = duckdb.connect()
    connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
    return with_sql(connection, raw, night, DAILY_EVENTS)


def with_sql(
    connection: duckdb.DuckDBPyConnection, raw: Path, night: date, events: str
) -> duckdb.DuckDBPyConnection:
    connection.execute("set threads = 2")
    for table in TABLES:
        connection.execute(f"create temp view {table} as from '{raw}/{table}.parquet'")
    connection.execute(f"create temp view events as {events}")
    sql = SQL.read_text().replace("$night", f"date '{night}'")
    connection.execute(f"create temp table metrics as {sql}")
    connection.execute(f"create temp table states as {floor_states.states_sql('metrics')}")
    return connection


def pandas(raw: Path, night: date, warehouse: Path) -> duckdb.DuckDBPyConnection:
    """pandas over the raw files."""
    return duckdb.connect().register("metrics", frames.with_pandas(raw, night))


def polars(raw: Path, night: date, warehouse: Path) -> duckdb.DuckDBPyConnection:
    """Polars, lazily and streaming, over the raw files."""
    return duckdb.connect().register("metrics", frames.with_polars(raw, night))


# Each leaves `metrics` on the connection, and the floors leave `states`.
RIVALS: dict[str, Callable[[Path, date, Path], duckdb.DuckDBPyConnection]] = {
    "floor from roll-up": floor_from_roll_up,
    "floor from raw": floor_from_raw,
    "Polars": polars,
    "pandas": pandas,
}


def main(rival: str, raw: str, night: str, result: str, warehouse: str) -> None:
    started = time.perf_counter()
    connection = RIVALS[rival](Path(raw), date.fromisoformat(night), Path(warehouse))
    seconds = time.perf_counter() - started
    write_found(connection, result)
    print(seconds)


def write_found(connection: duckdb.DuckDBPyConnection, file: str | Path) -> None:
    """Write what the table `metrics` holds, and `states` if there is one."""
    tables = {name for (name,) in connection.execute("show tables").fetchall()}
    columns = connection.table("metrics").columns
    metrics = [row["metric_id"] for row in floor_states.rows("metrics")]
    parts = [
        f"select account_id, '{name}' as name, {name}::double as value, null::varchar as state "
        f"from metrics where {name} is not null and not isnan({name}::double)"
        for name in metrics
        if name in columns
    ]
    if "states" in tables:
        pillars = [row["pillar_id"] for row in floor_states.rows("pillars")]
        parts += [
            f"select account_id, '{name}', {name}_score, {name}_state from states"
            for name in (*pillars, "overall")
        ]
    connection.execute(f"copy ({' union all '.join(parts)}) to '{file}' (format parquet)")


if __name__ == "__main__":
    main(*sys.argv[1:])
