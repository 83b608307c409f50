"""Raw data of a size, as Parquet files: by DuckDB from seeded numbers, the same every time.

The data are typed, as a warehouse export is, and clean but for what every collector of events does:
one event in a hundred is there twice, because events are delivered at least once. How the pipeline
treats other dirt is tested elsewhere. Events are written a day at a time, which keeps memory small
at any size.
"""

from datetime import timedelta
from pathlib import Path

import duckdb

from benchmarks.sizes import NIGHT, Size, first_day

USERS_PER_ACCOUNT = 12
# Rows of an event day with the event's own number; u1 to u4 are uniform in [0, 1).
EVENTS = """
    with draws as (
        select
            range as number,
            {uniform} as u1, {uniform} as u2, {uniform} as u3, {uniform} as u4
        from range({rows})
    ),
    events as (
        select
            *,
            -- Few accounts make most of the events, and few users of an account most of its.
            cast(floor({accounts} * pow(u1, 2.0)) as bigint) as account,
            cast(floor({users} * pow(u2, 1.5)) as bigint) as user_number,
            cast(floor(40 * pow(u3, 1.5)) as integer) as feature
        from draws
    )
    select
        '{day}-' || number as event_id,
        'account_' || account as account_id,
        'user_' || account || '_' || user_number as user_id,
        case feature
            when 0 then 'dashboard_view' when 1 then 'automation_run' when 2 then 'automation_edit'
            else 'feature_' || feature
        end as feature,
        case when feature % 8 = 3 then 'integrations' else 'module_' || feature % 8 end as module,
        timestamp '{day}' + to_microseconds(cast(floor(u4 * 86400) as bigint) * 1000000)
            as occurred_at,
        1 + number % 3 as event_count
    from (
        select *, unnest(range(case when number % 100 = 0 then 2 else 1 end)) as delivery
        from events
    )
"""

ACCOUNTS = """
    select
        'account_' || range as account_id,
        'Account ' || range as account_name,
        {start} + to_hours(cast(floor({uniform} * {hours}) as integer)) as created_at,
        'csm_' || range % 200 || '@example.com' as csm_email,
        case when {uniform} < 0.1 then 'onboarding' else 'live' end as lifecycle_stage,
        'industry_' || range % 12 as industry,
        'region_' || range % 4 as region,
        case when {uniform} < 0.02 then {end} - to_days(cast(floor({uniform} * 60) as integer)) end
            as churned_at
    from range({accounts})
"""

# One statement a table: {rows} rows over the accounts in turn, each with times drawn evenly.
TABLES = {
    "account_attributes": """
        select 'account_' || range // 3 as account_id,
            ['target_active_users', 'agreed_touchpoints_90d', 'is_seasonal'][1 + range % 3]
                as attribute,
            {start} + to_hours(cast(floor({uniform} * {hours} / 2) as integer)) as recorded_at,
            case range % 3
                when 2 then case when {uniform} < 0.1 then 'true' else 'false' end
                else cast(1 + cast(floor({uniform} * 10) as integer) as varchar)
            end as value
        from range({accounts} * 3)
    """,
    "account_tags": """
        select 'account_' || range as account_id,
            ['champion_left', 'churn_threat', 'happy_sponsor', 'strategic'][1 + range % 4] as tag,
            ['risk', 'risk', 'confidence', 'label'][1 + range % 4] as kind,
            {start} + to_hours(cast(floor({uniform} * {hours}) as integer)) as added_at,
            case when {uniform} < 0.5 then {end} end as removed_at
        from range({accounts}) where {uniform} < 0.4
    """,
    "users": """
        select 'user_' || range // {users} || '_' || range % {users} as user_id,
            'account_' || range // {users} as account_id,
            {start} - to_days(cast(floor({uniform} * 400) as integer)) as created_at,
            'user@example.com' as email, 'A user' as user_name, 'member' as role,
            case when {uniform} < 0.03 then {end} - to_days(10) end as deactivated_at
        from range({accounts} * {users})
    """,
    "subscriptions": """
        select 'subscription_' || range as subscription_id, 'account_' || range as account_id,
            ['starter', 'team', 'business', 'enterprise'][1 + range % 4] as plan_id,
            cast(100 + floor({uniform} * 9000) as double) as mrr,
            {start} - to_days(cast(floor({uniform} * 300) as integer)) as started_at,
            5 + cast(floor({uniform} * 200) as integer) as seats,
            cast(null as timestamp) as ended_at,
            {end} + to_days(cast(floor({uniform} * 300) as integer)) as renews_at
        from range({accounts})
    """,
    "invoices": """
        select 'invoice_' || range as invoice_id, 'account_' || range // 6 as account_id,
            cast(100 + floor({uniform} * 9000) as double) as amount,
            {end} - to_days(30 * cast(range % 6 + 1 as integer)) as issued_at,
            {end} - to_days(30 * cast(range % 6 as integer)) as due_at,
            case when {uniform} < 0.93 then
                {end} - to_days(30 * cast(range % 6 as integer))
                + to_days(cast(floor({uniform} * 20) as integer) - 14)
            end as paid_at
        from range({accounts} * 6)
    """,
    "tickets": """
        with tickets as (
            select range,
                {end} - to_minutes(cast(floor({uniform} * {hours} * 60) as integer)) as opened_at,
                {uniform} as u1, {uniform} as u2, {uniform} as u3
            from range({accounts} * 4)
        )
        select 'ticket_' || range as ticket_id, 'account_' || range // 4 as account_id,
            opened_at as created_at, ['low', 'normal', 'high', 'urgent'][1 + range % 4] as priority,
            case when u1 < 0.95 then opened_at + to_hours(cast(floor(u2 * 40) as integer)) end
                as first_replied_at,
            case when u1 < 0.9 then opened_at + to_hours(cast(40 + floor(u3 * 200) as integer)) end
                as solved_at,
            cast(floor(u3 * 1.2) as integer) as reopens,
            case when u2 < 0.5 then 1 + cast(floor(u3 * 5) as integer) end as csat_score
        from tickets
    """,
    "touchpoints": """
        select 'touchpoint_' || range as touchpoint_id, 'account_' || range // 8 as account_id,
            ['email', 'call', 'meeting', 'qbr', 'email', 'note'][1 + range % 6] as channel,
            {end} - to_minutes(cast(floor({uniform} * {hours} * 60) as integer)) as occurred_at,
            'user_' || range // 8 || '_' || cast(floor({uniform} * {users}) as integer) as user_id
        from range({accounts} * 8)
    """,
    "survey_responses": """
        select 'response_' || range as response_id, 'account_' || range // 4 as account_id,
            case when range % 4 = 0 then 'pulse' else 'nps' end as kind,
            case when range % 4 = 0 then 1 + cast(floor({uniform} * 5) as integer)
                else cast(floor({uniform} * 11) as integer) end as score,
            {end} - to_minutes(cast(floor({uniform} * {hours} * 60) as integer)) as responded_at
        from range({accounts} * 4)
    """,
    "risk_assessments": """
        select 'assessment_' || range as assessment_id, 'account_' || range // 2 as account_id,
            cast(floor({uniform} * 101) as integer) as risk_score,
            {end} - to_minutes(cast(floor({uniform} * {hours} * 60) as integer)) as assessed_at
        from range({accounts} * 2)
    """,
}


def write_raw_data(size: Size, folder: Path, *, days: int | None = None) -> None:
    """Write the raw tables of a size. days: more days than the size says, with as many events each.

    Tables but events and accounts always span the days of the size, so that a longer history
    differs in nothing else.
    """
    start, span = first_day(days or size.days), (days or size.days)
    with duckdb.connect() as connection:
        connection.execute("set threads = 2")

        def write(sql: str, path: Path, seed: str, **values: object) -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = sql.format(
                uniform="random()",
                accounts=size.accounts,
                users=USERS_PER_ACCOUNT,
                start=f"timestamp '{first_day(size.days)}'",
                end=f"timestamp '{NIGHT}'",
                hours=size.days * 24,
                **values,
            )
            # Random numbers are the same only where one thread draws them.
            connection.execute("set threads = 1")
            connection.execute(f"select setseed({(hash_of(seed) % 1000) / 1000})")
            connection.execute(f"copy ({text}) to '{path}' (format parquet, compression zstd)")

        write(ACCOUNTS, folder / "accounts.parquet", "accounts")
        for table, sql in TABLES.items():
            write(sql, folder / f"{table}.parquet", table)
        for number in range(span):
            day = start + timedelta(days=number)
            path = folder / "events" / f"event_day={day}" / "part-0.parquet"
            write(EVENTS, path, str(day), day=day, rows=size.events_a_day)


def hash_of(text: str) -> int:
    """A number for a text, the same in every process."""
    return sum((position + 1) * byte for position, byte in enumerate(text.encode()))
