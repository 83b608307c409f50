"""What a person reads at the end of a run: states, what was not calculated, what was rejected."""

from datetime import date

import duckdb
from rich.console import Console

from orchestration.base import escaping
from orchestration.base.figures import plural, shown_score
from orchestration.insight.accounts import has_table
from orchestration.insight.explanation import needed_sources
from orchestration.insight.report import money
from orchestration.insight.states import HEADINGS
from orchestration.insight.tables import Cells, Table, print_table
from orchestration.warehouse.configuration import Configuration
from orchestration.warehouse.health_dates import (
    missed_for_good,
    missed_in_words,
    to_come_in_words,
    yet_to_come,
)

STATES_BY_PILLAR = """
    with states as (
        select account_id, pillar_id, state
        from health.pillar_health_history
        where health_date = $day
        union all
        select account_id, 'overall' as pillar_id, overall_state as state
        from health.account_health_history
        where health_date = $day
    )
    select
        pillar_id,
        count(*) filter (state = 'good'),
        count(*) filter (state = 'average'),
        count(*) filter (state = 'poor'),
        count(*) filter (state = 'not_calculated')
    from states
    group by pillar_id
"""
NOT_CALCULATED = """
    select pillar_id, reason, count(*), count(*) filter (needs_review)
    from health.not_calculated_accounts
    where health_date = $day
    group by pillar_id, reason
    order by pillar_id = 'overall' desc, pillar_id, reason
"""
REJECTED = """
    with reasons as (
        select table_name, effect, reason, count(*) as records
        from health.rejected_records
        group by table_name, effect, reason
    )
    select
        table_name,
        coalesce(sum(records) filter (effect = 'row_rejected'), 0),
        coalesce(sum(records) filter (effect <> 'row_rejected'), 0),
        array_to_string(list(reason order by records desc, reason)[:3], ', ')
    from reasons
    group by table_name
    order by table_name
"""
UNFIT_SOURCES = """
    select table_name, status
    from health.source_status
    where health_date = $day and status <> 'ok'
    order by table_name
"""
# What the lint of the run found: metrics that no account has, and why.
UNMEASURED_METRICS = """
    select detail, string_agg(record_key, ', ' order by record_key)
    from health.check_failures
    where
        check_name = 'columns_there'
        and health_date = $day
    group by detail
    order by detail
"""
# Files of the raw folder whose rows nobody reads: those of a table as one.
UNREAD_FILES = """
    select
        case
            when count(*) > 1 then format('{} and {} more files', min(file), count(*) - 1)
            else min(file)
        end,
        min_by(problem, file)
    from health.raw_files
    where not is_read
    group by
        table_name,
        case when format is null then file end
    order by min(file)
"""
POOREST = """
    select account_name, overall_score, worst_pillar_id, state_since, mrr, csm_email
    from health.account_health
    where overall_state = 'poor'
    order by mrr desc nulls last, account_id
    limit 5
"""
HISTORY = """
    select count(distinct health_date), min(health_date), max(health_date)
    from health.account_health_history
"""
PUBLISHED = "select distinct health_date from health.source_status"
VERSION = """
    select any_value(config_version)
    from health.account_health_history
    where health_date = $day
"""


def print_summary(
    connection: duckdb.DuckDBPyConnection, console: Console, asked: date | None = None
) -> None:
    """Print the health of the latest date that is published, after that of the date asked for."""
    [(dates, first, latest)] = connection.execute(HISTORY).fetchall()
    if asked is not None and asked != latest:
        print_date(connection, console, asked, "the date asked for")
    history = f"the latest; history: {plural(dates, 'date')} from {first}"
    print_date(connection, console, latest, history)
    print_dates_amiss(connection, console, latest)
    shown(
        console,
        ("poor, by MRR", "score", "worst pillar", "since", "MRR", "success manager"),
        [
            (name, shown_score(score), pillar or "", str(since), money(mrr), owner or "")
            for name, score, pillar, since, mrr, owner in connection.execute(POOREST).fetchall()
        ],
        numbers=(1, 4),
    )
    rejected = connection.execute(REJECTED).fetchall()
    shown(
        console,
        ("raw table", "rejected", "changed", "most often"),
        [(name, f"{rows:,}", f"{values:,}", why) for name, rows, values, why in rejected],
        numbers=(1, 2),
    )
    if not rejected:
        console.print("No raw record was rejected.")
    if has_table(connection, "raw_files"):
        for file, problem in connection.execute(UNREAD_FILES).fetchall():
            console.print(escaping.text(f"{file}: {problem}"))


def print_dates_amiss(
    connection: duckdb.DuckDBPyConnection, console: Console, latest: date
) -> None:
    """Nights that no run completes by itself, and dates that have not begun."""
    published = {day for (day,) in connection.execute(PUBLISHED).fetchall()}
    if missed := missed_for_good(published, latest):
        console.print(escaping.text(missed_in_words(missed)))
    if to_come := yet_to_come(published):
        console.print(escaping.text(to_come_in_words(to_come)))


def print_date(
    connection: duckdb.DuckDBPyConnection, console: Console, day: date, which: str
) -> None:
    """The states of a date, and what could not be calculated on it."""

    def rows(sql: str) -> list[tuple]:
        return connection.execute(sql, {"day": day}).fetchall()

    console.print()
    console.print(escaping.text(f"Health on {day} ({which})", "bold"))
    [(version,)] = rows(VERSION)
    if version is None:
        console.print("No account was in scope.")
        return
    configuration = Configuration.of_version(connection, version)
    pillars = ["overall", *configuration.pillars]
    counts = sorted(rows(STATES_BY_PILLAR), key=lambda row: pillars.index(row[0]))
    shown(
        console,
        ("accounts", *HEADINGS),
        [(pillar, *map(str, states)) for pillar, *states in counts],
        numbers=(1, 2, 3, 4),
        sections=(1,),
    )
    shown(
        console,
        ("not calculated", "why", "accounts", "to review"),
        [
            (pillar, why, f"{count:,}", f"{review:,}")
            for pillar, why, count, review in rows(NOT_CALCULATED)
        ],
        numbers=(2, 3),
    )
    if unfit := needed_sources(configuration, rows(UNFIT_SOURCES)):
        words = ", ".join(f"{name} is {status}" for name, status in unfit)
        console.print(f"Raw tables that a pillar needs: {words}.")
    if has_table(connection, "check_failures"):
        for why, metrics in rows(UNMEASURED_METRICS):
            words = f"Missing for every account, because {why}: {metrics}."
            console.print(escaping.text(words))


def shown(
    console: Console,
    columns: Cells,
    rows: list[Cells],
    numbers: tuple[int, ...],
    sections: tuple[int, ...] = (),
) -> None:
    if rows:
        console.print()
        print_table(Table("", columns, rows, numbers, sections=sections), console)
