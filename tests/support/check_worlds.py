"""Small worlds for the tests of checks: a check to judge, raw tables, and a warehouse in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from expectations.checks import KINDS, Check
from orchestration.warehouse.connections import Warehouse

HEALTH_DATE = date(2026, 3, 10)
DAYS = 45  # of raw data before the health date


def check(name: str, table: str | None = None, column: str | None = None, **cells: Any) -> Check:
    """A check of this kind, with bounds and windows as given."""
    kind = KINDS[name]
    return Check(
        **{
            "check_name": name,
            "boundary": kind.boundary,
            "table_name": table or kind.table,
            "column_name": column,
            "severity": "warning",
            "minimum": None,
            "maximum": None,
            "window_days": None,
            "minimum_rows": 1,
            "owner": "data team",
            "what_to_do": "Look.",
            **cells,
        }
    )


# Raw tables ---------------------------------------------------------------------------------------

ACCOUNTS = """
    select
        'a' || n as account_id,
        'Account ' || n as account_name,
        timestamp '2025-01-01' as created_at
    from range(12) as accounts(n)
"""
USERS = """
    select
        'u' || n as user_id,
        'a' || n % 12 as account_id,
        timestamp '2025-01-01' as created_at
    from range(24) as users(n)
"""
# A ticket an hour, day and night but fewer of them by night: `is_recent` in the last week.
TICKETS = f"""
    select
        't' || epoch(created_at) || '-' || n as ticket_id,
        'a' || n % 12 as account_id,
        created_at,
        'u' || n % 24 as user_id,
        ['low', 'normal', 'high'][1 + n % 3] as priority,
        created_at + interval 2 hour as first_replied_at,
        created_at + interval 30 hour as solved_at,
        0 as reopens,
        1 + n % 5 as csat_score,
        created_at >= date '{HEALTH_DATE}' - 7 as is_recent
    from range(24) as numbers(n)
    cross join range({DAYS}) as days(back)
    cross join lateral (
        select
            date '{HEALTH_DATE}' - cast(back + 1 as integer)
            + to_hours(cast(6 + n % 12 as integer)) as created_at
    )
"""


def write_raw(folder: Path, tickets: str = "from base", **others: str) -> Path:
    """The raw tables; `tickets` says what becomes of the rows of `base`, which has `is_recent`."""
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"create table base as {TICKETS}")
        tables = {
            "accounts": ACCOUNTS,
            "users": USERS,
            "tickets": f"select * exclude (is_recent) from ({tickets})",
            **others,
        }
        for table, sql in tables.items():
            connection.execute(f"copy ({sql}) to '{folder}/{table}.parquet' (format parquet)")
    return folder


# A warehouse --------------------------------------------------------------------------------------

CONFIGURATION = """{
    "pillars": [{"pillar_id": "service"}, {"pillar_id": "financial"}],
    "pillar_weights": [
        {"segment_id": "standard", "pillar_id": "service", "weight": "2"},
        {"segment_id": "standard", "pillar_id": "financial", "weight": "1"}
    ],
    "metrics": [{"metric_id": "open_tickets"}, {"metric_id": "csat"}],
    "health_rules": [{"segment_id": "standard"}, {"segment_id": "large"}],
    "score_rules": []
}"""
# 40 accounts on 10 dates, a quarter of them large; half of them good, half of them average.
WORLD = f"""
    create schema health;
    create schema configuration;
    create schema intermediate;
    create table intermediate.int_unmeasured_metrics (
        metric_id text, table_name text, column_name text
    );
    create table configuration.config_pillars as
        select unnest(['service', 'financial']) as pillar_id;
    create table configuration.config_version as select 'v1' as config_version;
    create table configuration.metrics as
        select * from (values ('open_tickets', 'open_tickets'), ('csat', 'csat_score'))
            as metrics(metric_id, measure);
    create table health.health_config_versions as
        select 'v1' as config_version, '{CONFIGURATION}' as config;

    create table spine as
    select
        date '{HEALTH_DATE}' - cast(back as integer) as health_date,
        'a' || n as account_id,
        n,
        case when n % 4 = 0 then 'large' else 'standard' end as segment_id
    from range(10) as days(back)
    cross join range(40) as accounts(n);

    create table health.account_health_history as
    select
        health_date,
        account_id,
        segment_id,
        'ana@example.com' as csm_email,
        case when n % 2 = 0 or n % 3 = 0 then 'good' else 'average' end as overall_state,
        7.5::double as overall_score,
        'v1' as config_version
    from spine;

    create table health.pillar_health_history as
    select
        health_date,
        account_id,
        pillar_id,
        segment_id,
        5.0::double as score,
        cast(null as varchar) as reason,
        n % 2 = 0 as good_matched,
        n % 2 = 1 as poor_matched,
        'v1' as config_version
    from spine
    cross join (select unnest(['service', 'financial']) as pillar_id) as pillars;

    create table health.pillar_metrics_history as
    select health_date, account_id, metric_id, (1 + n % 5)::double as value
    from spine
    cross join (select unnest(['open_tickets', 'csat']) as metric_id) as metrics;

    create table health.not_calculated_accounts as
    select
        health_date,
        account_id,
        'service' as pillar_id,
        'created_today' as reason,
        health_date as since,
        false as needs_review
    from spine
    where n = 1;

    create table health.segment_membership as
    select health_date, account_id, 'large' as segment_id, 1 as priority, 'member' as membership,
        true as is_chosen
    from spine
    where segment_id = 'large'
    union all
    select health_date, account_id, 'standard' as segment_id, 2 as priority,
        'member' as membership, segment_id = 'standard' as is_chosen
    from spine;

    create table health.health_explanations as
    select
        health_date,
        account_id,
        segment_id,
        'service' as pillar_id,
        'poor' as rule_set,
        '1' as clause,
        'open_tickets' as signal_id,
        cast(n as varchar) as observed,
        '>' as operator,
        '20' as threshold,
        cast(null as varchar) as scaled_by,
        '20' as resolved_threshold,
        n > 20 as is_met,
        (n - 20)::double as gap
    from spine;
"""


@contextmanager
def warehouse(change: str = "") -> Iterator[Warehouse]:
    """The world in memory, changed by the statements given."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(WORLD)
        if change:
            connection.execute(change)
        yield Warehouse(connection)
