"""The usual dbt project: every metric a model that counts in all raw events, every night."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

TABLES = (
    "accounts",
    "users",
    "subscriptions",
    "invoices",
    "tickets",
    "touchpoints",
    "survey_responses",
    "account_tags",
    "risk_assessments",
)
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


def counted(expression: str, condition: str, table: str = "events") -> str:
    """Something counted per account in the rows of a table that meet a condition."""
    return (
        f"select account_id, {expression} as value from {{{{ ref('stg_{table}') }}}} "
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


def since_last(condition: str) -> str:
    """Days since the last touchpoint that meets a condition, or since the account was created."""
    return (
        "select accounts.account_id, {night}::date - coalesce(max(touchpoints.occurred_at), "
        "any_value(accounts.created_at))::date as value from {{ ref('stg_accounts') }} as accounts "
        "left join {{ ref('stg_touchpoints') }} as touchpoints "
        "on accounts.account_id = touchpoints.account_id "
        f"and touchpoints.occurred_at < {{night}} and {condition} group by accounts.account_id"
    )


def now(begin: str, end: str) -> str:
    """Condition that what has a begin and an end goes on during the night."""
    return f"{begin} < {{night}} and ({end} is null or {end} >= {{night}})"


def within(column: str, days: int) -> str:
    """Condition that a time lies in the days before the night."""
    return f"{column} >= {{night}} - interval {days} day and {column} < {{night}}"


ACTIVE = now("started_at", "ended_at")
WAS_ACTIVE = (
    "started_at < {night} - interval 90 day "
    "and (ended_at is null or ended_at >= {night} - interval 90 day)"
)
PLAN_RANK = "list_position(['starter', 'team', 'business', 'enterprise'], plan_id)"
OVERDUE = (
    "amount > 0 and issued_at < {night} and due_at < {night} "
    "and (paid_at is null or paid_at >= {night})"
)
OPEN = now("created_at", "solved_at")
NEW = within("created_at", 30)
SOLVED = "created_at < {night} and " + within("solved_at", 90)
TAGGED = now("added_at", "removed_at")
TALKS = "channel in ('call', 'meeting', 'qbr', 'visit')"


def changed(expression: str, change: str) -> str:
    """A figure of the subscriptions of the night beside that of 90 days before."""
    return (
        f"select earlier.account_id, {change} as value "
        f"from ({counted(expression, WAS_ACTIVE, 'subscriptions')}) as earlier "
        f"left join ({counted(expression, ACTIVE, 'subscriptions')}) as current "
        "on earlier.account_id = current.account_id"
    )


def latest(column: str, order: str, condition: str, table: str) -> str:
    """The last value of each account in the rows that meet a condition."""
    return (
        f"select account_id, {column} as value from {{{{ ref('stg_{table}') }}}} "
        f"where {condition} "
        f"qualify row_number() over (partition by account_id order by {order}) = 1"
    )


def touchpoints(condition: str, days: int) -> str:
    return counted("count(*)", f"{condition} and {within('occurred_at', days)}", "touchpoints")


def nps(days: int) -> str:
    return counted(
        "100 * avg((score >= 9)::int - (score <= 6)::int)",
        f"kind = 'nps' and {within('responded_at', days)}",
        "survey_responses",
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
    "integration_features_lifetime": (
        counted("count(distinct feature)", "occurred_at < {night} and module = 'integrations'"),
        "0",
    ),
    "mrr": (counted("sum(mrr)", ACTIVE, "subscriptions"), "0"),
    "seats": (counted("sum(seats)", ACTIVE, "subscriptions"), "null"),
    "plan_rank": (counted(f"max({PLAN_RANK})", ACTIVE, "subscriptions"), "null"),
    "plan_rank_change_90d": (
        changed(f"max({PLAN_RANK})", "current.value - earlier.value"),
        "null",
    ),
    "mrr_change_ratio_90d": (
        changed("sum(mrr)", "coalesce(current.value, 0) / nullif(earlier.value, 0) - 1"),
        "null",
    ),
    "days_to_renewal": (
        counted(
            "min(renews_at)::date - {night}::date",
            f"{ACTIVE} and renews_at >= {{night}}",
            "subscriptions",
        ),
        "null",
    ),
    "overdue_invoices": (counted("count(*)", OVERDUE, "invoices"), "0"),
    "overdue_amount": (counted("sum(amount)", OVERDUE, "invoices"), "0"),
    "days_overdue": (
        counted("{night}::date - min(due_at)::date", OVERDUE, "invoices"),
        "0",
    ),
    "invoices_due_14d": (
        counted("count(*)", f"{OVERDUE} and {within('due_at', 14)}", "invoices"),
        "0",
    ),
    "late_payment_ratio_180d": (
        counted(
            "avg((paid_at is null or paid_at >= {night} or paid_at::date > due_at::date)::int)",
            f"amount > 0 and issued_at < {{night}} and {within('due_at', 180)}",
            "invoices",
        ),
        "null",
    ),
    "amount_paid_lifetime": (
        counted("sum(amount)", "issued_at < {night} and paid_at < {night}", "invoices"),
        "0",
    ),
    "open_tickets": (counted("count(*)", OPEN, "tickets"), "0"),
    "open_high_tickets_14d": (
        counted(
            "count(*)",
            "priority in ('high', 'urgent') and created_at < {night} "
            "and (solved_at is null or solved_at >= {night} - interval 14 day)",
            "tickets",
        ),
        "0",
    ),
    "open_ticket_age_days": (
        counted("{night}::date - min(created_at)::date", OPEN, "tickets"),
        "0",
    ),
    "tickets_created_30d": (counted("count(*)", NEW, "tickets"), "0"),
    "tickets_per_active_user_30d": (
        "select active.account_id, coalesce(tickets.value, 0) / nullif(active.value, 0) as value "
        f"from ({windowed('count(distinct user_id)', 30)}) as active "
        f"left join ({counted('count(*)', NEW, 'tickets')}) as tickets "
        "on active.account_id = tickets.account_id",
        "null",
    ),
    "first_reply_hours_30d": (
        counted(
            "avg(epoch(first_replied_at - created_at) / 3600)",
            f"{NEW} and first_replied_at < {{night}}",
            "tickets",
        ),
        "null",
    ),
    "resolution_hours_90d": (
        counted("avg(epoch(solved_at - created_at) / 3600)", SOLVED, "tickets"),
        "null",
    ),
    "reopens_30d": (counted("sum(reopens)", NEW, "tickets"), "0"),
    "csat_score_90d": (counted("avg(csat_score)", SOLVED, "tickets"), "null"),
    "good_csat_90d": (counted("count(*)", f"csat_score >= 4 and {SOLVED}", "tickets"), "0"),
    "bad_csat_30d": (
        counted(
            "count(*)",
            f"csat_score <= 2 and created_at < {{night}} and {within('solved_at', 30)}",
            "tickets",
        ),
        "0",
    ),
    "touchpoints_30d": (touchpoints("true", 30), "0"),
    "touchpoints_90d": (touchpoints("true", 90), "0"),
    "meetings_90d": (touchpoints("channel in ('meeting', 'qbr')", 90), "0"),
    "qbrs_180d": (touchpoints("channel = 'qbr'", 180), "0"),
    "visits_180d": (touchpoints("channel = 'visit'", 180), "0"),
    "webinars_90d": (touchpoints("channel = 'webinar'", 90), "0"),
    "days_since_last_touchpoint": (since_last("true"), "null"),
    "days_since_last_conversation": (since_last(TALKS), "null"),
    "people_contacted_90d": (
        counted("count(distinct user_id)", within("occurred_at", 90), "touchpoints"),
        "0",
    ),
    "nps_180d": (nps(180), "null"),
    "nps_latest": (
        latest(
            "score",
            "responded_at desc, response_id desc",
            "kind = 'nps' and responded_at < {night}",
            "survey_responses",
        ),
        "null",
    ),
    "risk_tags": (
        counted("count(distinct tag)", f"kind = 'risk' and {TAGGED}", "account_tags"),
        "0",
    ),
    "critical_risk_tags": (
        counted(
            "count(distinct tag)",
            "kind = 'risk' and tag in ('champion_left', 'competitor_evaluation', 'churn_threat') "
            f"and {TAGGED}",
            "account_tags",
        ),
        "0",
    ),
    "confidence_tags": (
        counted("count(distinct tag)", f"kind = 'confidence' and {TAGGED}", "account_tags"),
        "0",
    ),
    "risk_score_90d": (
        latest(
            "risk_score",
            "assessed_at desc, assessment_id desc",
            within("assessed_at", 90),
            "risk_assessments",
        ),
        "null",
    ),
    "pulse_90d": (
        latest(
            "score",
            "responded_at desc, response_id desc",
            f"kind = 'pulse' and {within('responded_at', 90)}",
            "survey_responses",
        ),
        "null",
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
    files = {table: f"{table}.parquet" for table in TABLES}
    for table, file in files.items():
        (models / f"stg_{table}.sql").write_text(
            f"{{{{ config(materialized='view') }}}}\nselect * from read_parquet('{raw}/{file}')\n"
        )
    # A table, for as a view it would look for repeated events again in each model.
    (models / "stg_events.sql").write_text(
        f"select * from read_parquet('{raw}/events/**/*.parquet', hive_partitioning = false)\n"
        "qualify row_number() over (partition by event_id order by occurred_at) = 1\n"
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
