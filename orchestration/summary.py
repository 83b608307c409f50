"""What a person reads at the end of a run: states, what was not calculated, what was rejected."""

import duckdb
from rich.console import Console
from rich.table import Table

from orchestration.insight.configuration import Configuration

STATES = ("good", "average", "poor", "not_calculated")
COLOURS = {"good": "green", "average": "yellow", "poor": "red", "not_calculated": "dim"}

STATES_BY_PILLAR = """
    with states as (
        select account_id, pillar_id, state
        from health.pillar_health_history
        where health_date = (select max(health_date) from health.account_health_history)
        union all
        select account_id, 'overall' as pillar_id, overall_state as state
        from health.account_health
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
    where health_date = (select max(health_date) from health.account_health_history)
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
    where
        health_date = (select max(health_date) from health.account_health_history)
        and status <> 'ok'
    order by table_name
"""
# What the lint of the run found: metrics that no account has, and why.
UNMEASURED_METRICS = """
    select detail, string_agg(record_key, ', ' order by record_key)
    from health.check_failures
    where
        check_name = 'columns_there'
        and health_date = (select max(health_date) from health.account_health_history)
    group by detail
    order by detail
"""
POOREST = """
    select account_name, overall_score, worst_pillar_id, state_since, mrr, csm_email
    from health.account_health
    where overall_state = 'poor'
    order by mrr desc nulls last, account_id
    limit 5
"""
HISTORY = """
    select
        count(distinct health_date),
        min(health_date),
        max(health_date),
        arg_max(config_version, health_date)
    from health.account_health_history
"""


def print_summary(connection: duckdb.DuckDBPyConnection, console: Console) -> None:
    """Print the health of the latest date that is published."""

    def rows(sql: str) -> list[tuple]:
        return connection.execute(sql).fetchall()

    [(dates, first, last, version)] = rows(HISTORY)
    configuration = Configuration.of_version(connection, version)
    shown = ["overall", *configuration.pillars]
    console.print(f"\n[bold]Health on {last}[/bold] (history: {dates} dates from {first})")
    console.print(states_table(sorted(rows(STATES_BY_PILLAR), key=lambda row: shown.index(row[0]))))
    if poorest := rows(POOREST):
        console.print(poorest_table(poorest))
    if missing := rows(NOT_CALCULATED):
        table = Table("not calculated", "why", "accounts", "to review")
        for pillar, reason, count, review in missing:
            table.add_row(pillar, reason, f"{count:,}", f"{review:,}")
        console.print(table)
    needed = {row["table_name"] for row in configuration.rows("pillar_sources")}
    if unfit := [(name, status) for name, status in rows(UNFIT_SOURCES) if name in needed]:
        words = ", ".join(f"{name} is {status}" for name, status in unfit)
        console.print(f"Raw tables that a pillar needs: {words}.")
    for why, metrics in rows(UNMEASURED_METRICS):
        console.print(f"Missing for every account, because {why}: {metrics}.", markup=False)
    if rejected := rows(REJECTED):
        table = Table("raw table", "rejected", "changed", "most often")
        for name, rows_rejected, values, reasons in rejected:
            table.add_row(name, f"{rows_rejected:,}", f"{values:,}", reasons)
        console.print(table)
    else:
        console.print("No raw record was rejected.")


def states_table(counts_by_pillar: list[tuple]) -> Table:
    """Accounts by pillar and state, the overall first."""
    table = Table("accounts", *STATES)
    for pillar, *counts in counts_by_pillar:
        cells = (f"[{COLOURS[s]}]{n:,}[/]" for s, n in zip(STATES, counts, strict=True))
        table.add_row(pillar, *cells, end_section=pillar == "overall")
    return table


def poorest_table(accounts: list[tuple]) -> Table:
    """The poor accounts with the most at stake, and whom to talk to."""
    table = Table("poor, by MRR", "score", "worst pillar", "since", "MRR", "success manager")
    for name, score, pillar, since, mrr, owner in accounts:
        table.add_row(
            name,
            "" if score is None else f"{score:.2f}",
            pillar or "",
            str(since),
            "" if mrr is None else f"{mrr:,.0f}",
            owner or "",
        )
    return table
