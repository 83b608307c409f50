"""The usual dbt project: every metric a model that counts in all raw events, every night."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

WINDOW = "occurred_at >= {night} - interval {days} day and occurred_at < {night}"
SEATS = """
    select account_id, sum(seats) as seats from {{ ref('stg_subscriptions') }}
    where started_at < {night} and (ended_at is null or ended_at >= {night}) group by account_id
"""
KNOWN_USERS = """
    select account_id, user_id from {{ ref('stg_users') }} where created_at < {night}
    union
    select account_id, user_id from {{ ref('stg_events') }}
    where occurred_at < {night} and user_id is not null
    except
    select account_id, user_id from {{ ref('stg_users') }}
    where created_at < {night} and deactivated_at < {night}
"""
ACTIVE_KNOWN_USERS = """
    select known.account_id, count(distinct known.user_id) as active
    from ({known}) as known
    inner join {{ ref('stg_events') }} as events
        on known.account_id = events.account_id and known.user_id = events.user_id
    where {window_30} group by known.account_id
"""


def counted(expression: str, condition: str) -> str:
    """Something counted per account in the events that meet a condition."""
    return (
        f"select account_id, {expression} as value from {{{{ ref('stg_events') }}}} "
        f"where {condition} group by account_id"
    )


def windowed(expression: str, days: int) -> str:
    return counted(expression, "{window_" + str(days) + "}")


def utilization(days: int) -> str:
    return (
        f"select seats.account_id, coalesce(active.value, 0) / nullif(seats.seats, 0) as value "
        f"from ({{seats}}) as seats left join "
        f"({windowed('count(distinct user_id)', days)}) as active "
        "on seats.account_id = active.account_id"
    )


# By metric: its SQL, and its value for an account without a row.
METRICS = {
    "events_30d": (windowed("sum(event_count)", 30), "0"),
    "features_used_14d": (windowed("count(distinct feature)", 14), "0"),
    "modules_used_30d": (windowed("count(distinct module)", 30), "0"),
    "active_users_14d": (windowed("count(distinct user_id)", 14), "0"),
    "active_days_14d": (windowed("count(distinct occurred_at::date)", 14), "0"),
    "inactive_users_30d": (
        "select known.account_id, count(*) - coalesce(any_value(active.active), 0) as value "
        "from ({known}) as known left join ({active_known}) as active "
        "on known.account_id = active.account_id group by known.account_id",
        "0",
    ),
    "active_user_ratio_30d": (
        "select known.account_id, coalesce(any_value(active.active), 0) / count(*) as value "
        "from ({known}) as known left join ({active_known}) as active "
        "on known.account_id = active.account_id group by known.account_id",
        "null",
    ),
    "license_utilization_30d": (utilization(30), "null"),
    "license_utilization_90d": (utilization(90), "null"),
    "days_since_last_event": (
        "select accounts.account_id, {night}::date - coalesce(max(events.occurred_at), "
        "any_value(accounts.created_at))::date as value from {{ ref('stg_accounts') }} as accounts "
        "left join {{ ref('stg_events') }} as events on accounts.account_id = events.account_id "
        "and events.occurred_at < {night} group by accounts.account_id",
        "null",
    ),
    "event_change_ratio_28d": (
        "select account_id, coalesce(sum(event_count) filter ({window_28}), 0) / "
        "nullif(sum(event_count) filter (not ({window_28})), 0) - 1 as value "
        "from {{ ref('stg_events') }} where {window_56} group by account_id",
        "null",
    ),
    "active_users_lifetime": (counted("count(distinct user_id)", "occurred_at < {night}"), "0"),
    "dashboard_events_lifetime": (
        counted("sum(event_count)", "occurred_at < {night} and feature = 'dashboard_view'"),
        "0",
    ),
    "automation_events_lifetime": (
        counted("sum(event_count)", "occurred_at < {night} and feature like 'automation_%'"),
        "0",
    ),
    "integration_events_lifetime": (
        counted("sum(event_count)", "occurred_at < {night} and module = 'integrations'"),
        "0",
    ),
}


def write_project(folder: Path, raw: Path, night: date) -> None:
    """Write the project; its mart `account_metrics` has one row per account in scope."""
    models = folder / "models"
    models.mkdir(parents=True, exist_ok=True)
    (folder / "dbt_project.yml").write_text(
        "name: usual\nversion: '1.0'\nprofile: usual\nmodels: {+materialized: table}\n"
        "flags: {send_anonymous_usage_stats: false}\n"
    )
    (folder / "profiles.yml").write_text(
        "usual: {target: dev, outputs: {dev: {type: duckdb, threads: 2, "
        f"path: '{folder}/usual.duckdb', settings: {{threads: 2}}}}}}}}\n"
    )
    files = {table: f"{table}.parquet" for table in ("accounts", "users", "subscriptions")}
    for table, file in {**files, "events": "events/**/*.parquet"}.items():
        (models / f"stg_{table}.sql").write_text(
            "{{ config(materialized='view') }}\n"
            f"select * from read_parquet('{raw}/{file}', hive_partitioning = false)\n"
        )
    for metric, (sql, _) in METRICS.items():
        (models / f"{metric}.sql").write_text(filled(sql, night))
    columns = ",\n".join(
        f"coalesce({metric}.value, {value}) as {metric}" for metric, (_, value) in METRICS.items()
    )
    joins = "\n".join(
        f"left join {{{{ ref('{metric}') }}}} as {metric} "
        f"on accounts.account_id = {metric}.account_id"
        for metric in METRICS
    )
    (models / "account_metrics.sql").write_text(
        f"select accounts.account_id,\n{columns}\nfrom {{{{ ref('stg_accounts') }}}} as accounts\n"
        f"{joins}\n"
        + filled(
            "where accounts.created_at < {night} + interval 1 day "
            "and (accounts.churned_at is null or accounts.churned_at >= {night})",
            night,
        )
    )


def filled(sql: str, night: date) -> str:
    """The SQL with its parts in their places; braces of dbt's own are left alone."""
    parts = {"{active_known}": ACTIVE_KNOWN_USERS, "{known}": KNOWN_USERS, "{seats}": SEATS}
    parts |= {
        "{window_" + str(days) + "}": WINDOW.replace("{days}", str(days))
        for days in (14, 28, 30, 56, 90)
    }
    for name, part in [*parts.items(), *parts.items(), ("{night}", f"timestamp '{night}'")]:
        sql = sql.replace(name, part)
    return sql


def command(folder: Path) -> tuple[list[str], dict[str, str]]:
    """The command that runs the project, and its environment."""
    arguments = ["--no-use-colors", "--quiet", "run", "--project-dir", str(folder)]
    dbt = str(Path(sys.executable).with_name("dbt"))
    return [dbt, *arguments, "--profiles-dir", str(folder)], dict(os.environ)


def main(folder: str, raw: str, night: str) -> None:
    """Write the project and run it once."""
    write_project(Path(folder), Path(raw), date.fromisoformat(night))
    arguments, environment = command(Path(folder))
    subprocess.run(arguments, env=environment, check=True)
