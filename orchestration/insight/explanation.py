"""Explanation: all that the published tables say of one account's health on one date.

Facts only; how they are told is `explain`'s business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import click

from orchestration.insight import distance
from orchestration.insight.accounts import Connection
from orchestration.insight.conditions import Condition, condition_of
from orchestration.warehouse.configuration import Configuration

DAYS = 60  # how far back an explanation looks

TABLES = "select table_name from information_schema.tables where table_schema = 'health'"
OVERALL = """
    select
        segment_id, csm_email, mrr, overall_state, calculated_overall_state, overall_score,
        coverage, reason, is_overridden, config_version
    from health.account_health_history
    where health_date = ? and account_id = ?
"""
PILLARS = """
    select pillar_id, state, calculated_state, score, reason, unknown_conditions, is_overridden
    from health.pillar_health_history
    where health_date = ? and account_id = ?
"""
# Explanations are kept for the latest dates and for dates of a change: between two changes the
# states rest on those of the former.
CONDITIONS_DATE = """
    select health_date
    from health.health_explanations
    where account_id = ? and health_date <= ?
    order by health_date desc
    limit 1
"""
CONDITIONS = """
    select
        segment_id, pillar_id, rule_set, clause, signal_id, observed, operator, threshold,
        scaled_by, resolved_threshold, is_met, gap
    from health.health_explanations
    where account_id = ? and health_date = ?
    order by segment_id, pillar_id, rule_set, clause, signal_id, operator, threshold
"""
MEMBERSHIPS = """
    select segment_id, priority, membership, is_chosen
    from health.segment_membership
    where account_id = ? and health_date = ?
    order by priority
"""
STATES = """
    select pillar_id, health_date, state
    from health.pillar_health_history
    where account_id = ? and health_date between ? and ?
    union all
    select 'overall' as pillar_id, health_date, overall_state as state
    from health.account_health_history
    where account_id = ? and health_date between ? and ?
"""
# What a condition asked of the account stands with the explanations of that date.
FLIPPED_CONDITIONS = """
    select
        health_date, segment_id, pillar_id, rule_set, clause, signal_id, observed, operator,
        threshold, scaled_by, resolved_threshold, is_met, gap
    from health.health_explanations
    where account_id = ? and health_date between ? and ? and pillar_id is not null
"""
CHANGES = """
    select
        health_date, pillar_id, from_state, to_state, days_in_from_state, cause, flipped_conditions
    from health.health_changes
    where account_id = ? and health_date between ? and ?
    order by health_date desc, pillar_id
"""
# How it is on the latest date; whoever asks for a previous date is told what was reached by then.
MILESTONES = """
    select milestone_name, position, is_reached, reached_on, observed, resolved_threshold
    from health.milestone_progress
    where account_id = ?
    order by position
"""
# Those that count on the date: made before it, not ended before it.
OVERRIDES = """
    select override_id, pillar_id, state, reason, author, created_at, expires_at
    from health.override_history
    where
        account_id = ?
        and created_at < cast(? as timestamp)
        and (expires_at is null or expires_at >= cast(? as timestamp))
    order by pillar_id, created_at desc, override_id desc
"""
# In words, of the latest date alone; it came with the table of pillars.
MAIN_REASON = """
    select main_reason
    from health.account_health
    where account_id = ? and health_date = ? and main_reason is not null
"""
NOT_CALCULATED = """
    select pillar_id, reason, since, needs_review
    from health.not_calculated_accounts
    where account_id = ? and health_date = ?
    order by pillar_id
"""
REJECTED = """
    select table_name, effect, reason, count(*), min(first_seen_on)
    from health.rejected_records
    where record like ? and json_extract_string(record, '$.account_id') = ?
    group by table_name, effect, reason
    order by table_name, effect, reason
"""
SOURCES = """
    select table_name, status, latest_at
    from health.source_status
    where health_date = ? and status <> 'ok'
    order by table_name
"""


@dataclass(frozen=True)
class Overall:
    segment_id: str | None
    csm_email: str | None
    mrr: float | None
    state: str
    calculated_state: str
    score: float | None
    coverage: float
    reason: str | None
    is_overridden: bool
    config_version: str


@dataclass(frozen=True)
class PillarHealth:
    pillar_id: str
    state: str
    calculated_state: str
    score: float | None
    reason: str | None
    unknown_conditions: int
    is_overridden: bool


@dataclass(frozen=True)
class Override:
    override_id: str
    pillar_id: str
    state: str
    reason: str
    author: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class Explanation:
    """What is known of an account on a date. Lists of rows are as their query orders them."""

    account_id: str
    health_date: date
    overall: Overall
    pillars: dict[str, PillarHealth]
    configuration: Configuration
    conditions_date: date | None
    conditions: list[Condition]
    memberships: list[tuple]
    states: dict[str, dict[date, str]]
    changes: list[tuple] | None
    changed_conditions: dict[tuple, Condition]
    milestones: list[tuple] | None
    overrides: list[Override]
    not_calculated: list[tuple]
    rejected: list[tuple]
    sources: list[tuple]
    main_reason: str | None = None

    @property
    def pillars_in_order(self) -> list[str]:
        """Pillars that the account has, as the configuration orders them."""
        return [pillar for pillar in self.configuration.pillars if pillar in self.pillars]

    def conditions_of(self, pillar: str | None) -> list[Condition]:
        """The conditions of a pillar in the chosen segment; None: those of the segment itself."""
        chosen = self.overall.segment_id
        return [
            condition
            for condition in self.conditions
            if condition.pillar_id == pillar and condition.segment_id == chosen
        ]

    def pillar_facts(self, pillar: str) -> distance.Pillar:
        """From where the nearest way up and the nearest danger are looked for: the state that the
        rules give."""
        segment = self.overall.segment_id or ""
        return distance.Pillar(
            state=self.pillars[pillar].calculated_state,
            conditions=tuple(self.conditions_of(pillar)),
            weights=self.configuration.score_weights(segment, pillar),
            bands=self.configuration.bands(segment),
        )


def explanation_of(
    connection: Connection, account: str, day: date, *, is_whole: bool = True
) -> Explanation:
    """Read it, or refuse with the dates on which the account is in the history.

    is_whole: with states, changed conditions and rejected records, which take most of the time.
    """

    def rows(sql: str, *values: object) -> list[tuple]:
        return connection.execute(sql, list(values)).fetchall()

    tables = {name for (name,) in rows(TABLES)}
    found = rows(OVERALL, day, account)
    if not found:
        raise click.ClickException(not_in_scope(connection, account, day))
    overall = Overall(*found[0])
    configuration = Configuration.of_version(connection, overall.config_version)
    first = date.fromordinal(day.toordinal() - DAYS + 1)
    conditions_date = next((row[0] for row in rows(CONDITIONS_DATE, account, day)), None)
    has_reasons = "pillar_health" in tables
    main_reasons = rows(MAIN_REASON, account, day) if has_reasons else []
    return Explanation(
        account_id=account,
        health_date=day,
        overall=overall,
        pillars={row[0]: PillarHealth(*row) for row in rows(PILLARS, day, account)},
        configuration=configuration,
        conditions_date=conditions_date,
        conditions=[
            condition_of(row, configuration) for row in rows(CONDITIONS, account, conditions_date)
        ],
        memberships=rows(MEMBERSHIPS, account, day),
        states=states_of(connection, account, day) if is_whole else {},
        changes=(rows(CHANGES, account, first, day) if "health_changes" in tables else None),
        changed_conditions={
            flipped_key(row[0], vars(condition)): condition
            for row in (rows(FLIPPED_CONDITIONS, account, first, day) if is_whole else [])
            if (condition := condition_of(row[1:], configuration))
        },
        milestones=(rows(MILESTONES, account) if "milestone_progress" in tables else None),
        overrides=(
            [Override(*row) for row in rows(OVERRIDES, account, day, day)]
            if "override_history" in tables
            else []
        ),
        not_calculated=rows(NOT_CALCULATED, account, day),
        rejected=rows(REJECTED, f"%{account}%", account) if is_whole else [],
        sources=needed_sources(configuration, rows(SOURCES, day)),
        main_reason=next((row[0] for row in main_reasons), None),
    )


def states_of(connection: Connection, account: str, day: date) -> dict[str, dict[date, str]]:
    """Overall and of each pillar, by date, of the days up to this one."""
    first = date.fromordinal(day.toordinal() - DAYS + 1)
    values = [account, first, day, account, first, day]
    states: dict[str, dict[date, str]] = {}
    for pillar, health_date, state in connection.execute(STATES, values).fetchall():
        states.setdefault(pillar, {})[health_date] = state
    return states


def flipped_key(day: date, condition: Mapping[str, object]) -> tuple:
    """By which a condition of `flipped_conditions` is found among the explanations of its date."""
    names = ("pillar_id", "rule_set", "clause", "signal_id", "operator", "threshold")
    return day, *(condition.get(name) for name in names)


def needed_sources(configuration: Configuration, unfit: list[tuple]) -> list[tuple]:
    """Of the tables that are not fit those that a pillar misses (docs/health.md, "Sources").

    rows begin with table and status. An absent one is missed where all tables of a pillar are.
    """
    tables: dict[str, set[str]] = {}
    for row in configuration.rows("pillar_sources"):
        tables.setdefault(str(row["pillar_id"]), set()).add(str(row["table_name"]))
    absent = {row[0] for row in unfit if row[1] == "absent"}
    missed = {
        table
        for needed in tables.values()
        for table in needed
        if table not in absent or needed <= absent
    }
    return [row for row in unfit if row[0] in missed]


def not_in_scope(connection: Connection, account: str, day: date) -> str:
    [(first, last)] = connection.execute(
        "select min(health_date), max(health_date) from health.account_health_history"
        " where account_id = ?",
        [account],
    ).fetchall()
    if first is None:
        return f"{account} is on no date of the history: it was not in scope on any."
    return (
        f"{account} is not in the history on {day}: it has dates from {first} to {last}."
        f" Try --date {last}."
    )
