"""A warehouse of a few rows, made by hand, for what happens to tables after dbt."""

import re
from datetime import date, timedelta
from pathlib import Path

import duckdb
from pipeline import PROJECT

from orchestration.base.settings import Settings
from orchestration.warehouse.connections import writing

DAY = date(2026, 11, 22)
TABLES = """
    create schema health;
    create schema staging;
    create table staging.not_for_readers (secret integer);
    create table health.account_health_history (
        health_date date not null,
        account_id varchar not null,
        overall_state varchar not null,
        overall_score double,
        config_version varchar not null
    );
    comment on table health.account_health_history is 'One row per health date and account''s.';
    comment on column health.account_health_history.overall_state is 'The state.';
    create table health.pillar_health_history (
        health_date date not null,
        account_id varchar not null,
        pillar_id varchar not null,
        state varchar not null,
        score double
    );
    create table health.account_churn (account_id varchar not null, account_name varchar not null);
    create table health.rejected_records (table_name varchar not null, record varchar not null);
    create table health.health_alerts (
        health_date date not null,
        alert_id varchar not null,
        account_id varchar not null,
        pillar_id varchar not null,
        from_state varchar,
        to_state varchar not null,
        severity varchar,
        playbook varchar,
        csm_email varchar,
        sent_at timestamp,
        status varchar not null
    );
    create view health.account_health_last_60_days as
    select * from health.account_health_history
    where health_date > (select max(health_date) - 60 from health.account_health_history);
    comment on view health.account_health_last_60_days is 'The last 60 days.';
"""


def make(folder: Path, dates: int = 3, accounts: int = 4) -> Settings:
    """A warehouse whose history ends on DAY."""
    settings = Settings(folder / "raw", folder / "warehouse.duckdb")
    [operations] = re.findall(
        r"macro duckdb__create_operations_tables\(\) -%}(.*?){%- endmacro %}",
        (PROJECT / "macros" / "engine" / "duckdb" / "catalogue.sql").read_text(encoding="utf-8"),
        re.DOTALL,
    )
    with writing(settings) as warehouse:
        warehouse.execute(TABLES)
        warehouse.execute(operations)
        warehouse.execute(
            "insert into health.account_churn select 'a' || i, 'Account <' || i || '>'"
            " from range(?) as numbers (i)",
            [accounts],
        )
    for day in range(dates):
        calculate(settings, DAY - timedelta(days=dates - 1 - day), accounts=accounts)
    return settings


def calculate(
    settings: Settings, day: date, state: str = "good", score: float = 8.0, accounts: int = 4
) -> None:
    """What a run of one date does: its rows are replaced."""
    with writing(settings) as warehouse:
        for table in ("account_health_history", "pillar_health_history"):
            warehouse.execute(f"delete from health.{table} where health_date = ?", [day])
        warehouse.execute(
            "insert into health.account_health_history by name"
            " select ? as health_date, 'a' || i as account_id, ? as overall_state,"
            " ? as overall_score, 'first' as config_version from range(?) as numbers (i)",
            [day, state, score, accounts],
        )
        warehouse.execute(
            "insert into health.pillar_health_history"
            " select ?, 'a' || i, 'service', ?, ? from range(?) as numbers (i)",
            [day, state, score - 1, accounts],
        )


def raise_alerts(settings: Settings, day: date, *accounts: str, pillar: str = "overall") -> None:
    """What the model of alerts does: the rows of a date are replaced, those noted keep the note."""
    with writing(settings) as warehouse:
        warehouse.execute("delete from health.health_alerts where health_date = ?", [day])
        for account in accounts:
            warehouse.execute(
                """
                insert into health.health_alerts
                select
                    new.*, 'good', 'poor', 'high', 'Call & listen.', 'kim@example.com',
                    noted.sent_at, coalesce(noted.status, 'pending')
                from (
                    select
                        ?::date as health_date, 'turned_poor' as alert_id,
                        ? as account_id, ? as pillar_id
                ) as new
                left join operations.alert_deliveries as noted
                    using (health_date, alert_id, account_id, pillar_id)
                """,
                [day, account, pillar],
            )


def query(file: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchall()
