"""What a person reads at the end of a run: states, what was not calculated, what was rejected."""

import duckdb
from rich.console import Console
from rich.table import Table

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
        states.pillar_id,
        count(*) filter (state = 'good'),
        count(*) filter (state = 'average'),
        count(*) filter (state = 'poor'),
        count(*) filter (state = 'not_calculated')
    from states
    left join configuration.config_pillars as pillars on states.pillar_id = pillars.pillar_id
    group by states.pillar_id, pillars.display_order
    order by states.pillar_id = 'overall' desc, pillars.display_order
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


def print_summary(connection: duckdb.DuckDBPyConnection, console: Console) -> None:
    """Print the health of the latest date that the warehouse holds."""

    def rows(sql: str) -> list[tuple]:
        return connection.execute(sql).fetchall()

    [(dates, first, last)] = rows(HISTORY)
    if not dates:
        console.print("No account is in scope on any date asked for: nothing to show.")
        return
    console.print(f"\n[bold]Health on {last}[/bold] (history: {dates} dates from {first})")

    states = Table("accounts", *STATES)
    for pillar, *counts in rows(STATES_BY_PILLAR):
        states.add_row(
            pillar,
            *(f"[{COLOURS[s]}]{n:,}[/]" for s, n in zip(STATES, counts, strict=True)),
            end_section=pillar == "overall",
        )
    console.print(states)

    poorest = rows(POOREST)
    if poorest:
        table = Table("poor, by MRR", "score", "worst pillar", "since", "MRR", "success manager")
        for name, score, pillar, since, mrr, owner in poorest:
            table.add_row(
                name,
                f"{score:.2f}" if score is not None else "",
                pillar or "",
                str(since),
                f"{mrr:,.0f}" if mrr is not None else "",
                owner or "",
            )
        console.print(table)

    missing = rows(NOT_CALCULATED)
    if missing:
        table = Table("not calculated", "why", "accounts", "to review")
        for pillar, reason, count, review in missing:
            table.add_row(pillar, reason, f"{count:,}", f"{review:,}")
        console.print(table)

    unfit = rows(UNFIT_SOURCES)
    if unfit:
        console.print("Raw tables: " + ", ".join(f"{name} is {status}" for name, status in unfit))

    rejected = rows(REJECTED)
    if rejected:
        table = Table("raw table", "rejected", "changed", "most often")
        for name, rows_rejected, values, reasons in rejected:
            table.add_row(name, f"{rows_rejected:,}", f"{values:,}", reasons)
        console.print(table)
    else:
        console.print("No raw record was rejected.")
