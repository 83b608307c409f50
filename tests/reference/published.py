"""The published tables, as the contract lays them out, from an empty warehouse.

All frames have object columns: None for null, `datetime.date` for dates, naive UTC
`datetime.datetime` for times, and Python's own str, int, float and bool.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pandas

from . import insight, rollup
from .calculated import Calculated
from .comparisons import metric_values
from .conditions import clause_answers
from .configuration import Configuration, Pillar, Source, read_configuration
from .declared_values import DeclaredValues
from .entries import Entries, entered_id
from .facts import Facts, facts_on, midnight
from .health import NOT_CALCULATED, AccountHealth, Judgement, account_health
from .latest import PROPERTY_COLUMNS, last_60_days, property_rows
from .money import Rates
from .overrides import COLUMNS as OVERRIDE_COLUMNS
from .overrides import override_rows
from .raw_files import RawRows, other_files, read_table
from .raw_tables import RawTable, raw_tables
from .reasons import main_reason
from .row_rules import Context, Record, RuledTable, apply_row_rules
from .settled import settle
from .signals import account_age_days, signal_values
from .sources import SourceStatus, is_fit, source_status
from .values import rounded

CORE_PILLARS = ("product_adoption", "financial", "service", "relationship", "external")
# Not compared: the reference does not say how a configuration is hashed.
CONFIG_VERSION = "reference"
# Tables whose rows are of no account but themselves, or of none at all.
WITHOUT_ACCOUNT = ("accounts", "exchange_rates")
REASONS_WITHOUT_REVIEW = ("created_today", "pillar_not_configured")

# What else an account's overall and pillars have, in the history and on the latest date.
CERTAINTY = ("score_low", "score_high", "is_certain", "settled_state")

COLUMNS: dict[str, list[str]] = {
    "account_health": [
        "account_id",
        "account_name",
        "health_date",
        "segment_id",
        "segment_name",
        "csm_email",
        "lifecycle_stage",
        "mrr",
        "overall_state",
        "overall_score",
        "previous_overall_state",
        "state_since",
        "worst_pillar_id",
        "coverage",
        *(f"{pillar}_{column}" for pillar in CORE_PILLARS for column in ("state", "score")),
        "reason",
        "main_reason",
        "last_60_days",
        *CERTAINTY,
    ],
    "pillar_health": [
        "account_id",
        "account_name",
        "health_date",
        "pillar_id",
        "pillar_name",
        "segment_id",
        "state",
        "state_since",
        "score",
        "reason",
        "main_reason",
        "last_60_days",
        *CERTAINTY,
    ],
    "account_properties": PROPERTY_COLUMNS,
    "account_rollup_history": rollup.COLUMNS,
    "account_health_history": [
        "health_date",
        "account_id",
        "segment_id",
        "csm_email",
        "mrr",
        "overall_state",
        "calculated_overall_state",
        "overall_score",
        "coverage",
        "reason",
        "is_overridden",
        "config_version",
        "score_low",
        "score_high",
        "is_certain",
        "settled_state",
    ],
    "pillar_health_history": [
        "health_date",
        "account_id",
        "pillar_id",
        "segment_id",
        "state",
        "calculated_state",
        "score",
        "reason",
        "good_matched",
        "poor_matched",
        "unknown_conditions",
        "is_overridden",
        "config_version",
        "score_low",
        "score_high",
        "is_certain",
        "settled_state",
    ],
    "pillar_metrics_history": ["health_date", "account_id", "pillar_id", "metric_id", "value"],
    "segment_membership": [
        "health_date",
        "account_id",
        "segment_id",
        "priority",
        "membership",
        "is_chosen",
    ],
    "health_explanations": [
        "health_date",
        "account_id",
        "segment_id",
        "pillar_id",
        "rule_set",
        "clause",
        "signal_id",
        "observed",
        "operator",
        "threshold",
        "scaled_by",
        "resolved_threshold",
        "is_met",
        "gap",
        "clause_holds",
    ],
    "not_calculated_accounts": [
        "health_date",
        "account_id",
        "account_name",
        "csm_email",
        "pillar_id",
        "reason",
        "account_age_days",
        "since",
        "needs_review",
    ],
    "rejected_records": [
        "table_name",
        "record_key",
        "reason",
        "effect",
        "record",
        "record_time",
        "first_seen_on",
    ],
    "source_status": [
        "health_date",
        "table_name",
        "status",
        "rows_before_date",
        "latest_at",
        "rejected_ratio",
    ],
    "raw_files": [
        "table_name",
        "file",
        "format",
        "row_count",
        "columns_read",
        "columns_ignored",
        "is_read",
        "problem",
    ],
    **insight.COLUMNS,
    "override_outcomes": OVERRIDE_COLUMNS,
}

PublishedRow = dict[str, object]
PublishedRows = dict[str, list[PublishedRow]]


@dataclass(frozen=True)
class Run:
    """The present unbroken run of equal states, and the state before it."""

    state: str
    since: date
    previous_state: str | None


def calculate(
    raw_dir: Path,
    seeds_dir: Path,
    start: date,
    end: date,
    *,
    late_arrival_days: int = 3,
    source_check_failures: Collection[tuple[date, str]] = (),
    reporting_currency: str = "",
) -> dict[str, pandas.DataFrame]:
    """Calculate every date from start to end, both included, and give the published tables.

    `source_check_failures`: the (health date, raw table) pairs with a failed critical check.
    """
    configuration = read_configuration(seeds_dir)
    tables = raw_tables([pillar.pillar_id for pillar in configuration.pillars])
    raw = {table.name: read_table(raw_dir, table) for table in tables}
    ruled_tables = _ruled_tables(tables, raw, configuration, reporting_currency)
    records_by_account = _records_by_account(ruled_tables)
    main_times = {name: ruled.table.main_time for name, ruled in ruled_tables.items()}
    columns = {name: ruled.columns for name, ruled in ruled_tables.items()}
    rows: PublishedRows = {table_name: [] for table_name in COLUMNS}
    rows["rejected_records"] = _rejected_records(ruled_tables.values(), start)
    rows["raw_files"] = _raw_file_rows(raw, other_files(raw_dir, tables))
    history: list[Calculated] = []
    for health_date in _dates(start, end):
        statuses = {
            name: source_status(
                ruled,
                configuration.sources.get(name, Source(None, None)),
                health_date,
                late_arrival_days,
                source_check_failures,
            )
            for name, ruled in ruled_tables.items()
        }
        rows["source_status"] += _source_status_rows(health_date, statuses)
        all_facts = [
            facts_on(
                account,
                health_date,
                records_by_account[account.account_id],
                main_times,
                columns,
                configuration.plan_ranks,
            )
            for account in ruled_tables["accounts"].records
            if _is_in_scope(account, health_date)
        ]
        all_values = metric_values(all_facts, configuration, main_times)
        history += [
            _calculated(facts, values, configuration, statuses)
            for facts, values in zip(all_facts, all_values, strict=True)
        ]
    settle(history)
    _add_history(rows, history, configuration, reporting_currency)
    rows["override_outcomes"] = override_rows(
        history, ruled_tables["health_overrides"].records, ruled_tables["accounts"].records
    )
    if history:
        rows.update(insight.insight_rows(history, configuration))
    return {
        table_name: pandas.DataFrame(rows[table_name], columns=columns, dtype=object)
        for table_name, columns in COLUMNS.items()
    }


def _dates(start: date, end: date) -> list[date]:
    return [start + timedelta(days=days) for days in range((end - start).days + 1)]


def _ruled_tables(
    tables: Iterable[RawTable],
    raw: Mapping[str, RawRows],
    configuration: Configuration,
    reporting_currency: str,
) -> dict[str, RuledTable]:
    """All raw tables with the row rules applied; accounts and rates come before the others."""
    if raw["accounts"].rows is None:
        raise FileNotFoundError(raw["accounts"].problem or "the raw table accounts is absent")
    declared = DeclaredValues(configuration.raw_values)
    ruled_tables: dict[str, RuledTable] = {}
    account_ids: set[str] = set()
    rates = Rates()
    entries = Entries()
    for table in tables:
        checked = None if table.name in WITHOUT_ACCOUNT else account_ids
        context = Context(checked, declared, rates, entries)
        if table.name == "health_entries":
            context = replace(context, override_ids=_override_ids(tables, raw, context))
        ruled = apply_row_rules(table, raw[table.name], context)
        ruled_tables[table.name] = ruled
        if table.name == "accounts":
            account_ids = {account.account_id for account in ruled.records}
        if table.name == "exchange_rates":
            rates = Rates(ruled.records, reporting_currency)
        if table.name == "health_entries":
            entries = Entries(ruled.records)
    _add_next_starts(ruled_tables["subscriptions"].records)
    return ruled_tables


def _override_ids(
    tables: Iterable[RawTable], raw: Mapping[str, RawRows], context: Context
) -> set[str]:
    """The overrides that an entry may end: those of files as they are, and those entered that
    count."""
    by_name = {table.name: table for table in tables}
    table, entries = by_name["health_entries"], raw["health_entries"]
    # What ends overrides does not take the place of one with its id.
    others = [
        row
        for row in entries.rows or []
        if context.declared.read(table, row).get("kind", "").lower() != "override_off"
    ]
    entered = {
        entered_id(entry.entry_id)
        for entry in apply_row_rules(table, replace(entries, rows=others), context).records
        if entry.kind == "override"
    }
    overrides = by_name["health_overrides"]
    of_files = [context.declared.read(overrides, row) for row in raw[overrides.name].rows or []]
    return entered | {row["override_id"] for row in of_files if "override_id" in row}


def _add_next_starts(subscriptions: list[Record]) -> None:
    """Give each subscription row `next_started_at`: the start of the next row of its id."""
    starts = defaultdict(list)
    for subscription in subscriptions:
        starts[subscription.subscription_id].append(subscription.started_at)
    for subscription in subscriptions:
        subscription.next_started_at = min(
            (
                started_at
                for started_at in starts[subscription.subscription_id]
                if started_at > subscription.started_at
            ),
            default=None,
        )


def _records_by_account(
    ruled_tables: Mapping[str, RuledTable],
) -> dict[str, dict[str, list[Record] | None]]:
    """For each account its records by table; None for an absent table."""
    grouped: dict[str, dict[str, list[Record] | None]] = {
        account.account_id: {
            name: None if ruled.is_absent else []
            for name, ruled in ruled_tables.items()
            if name not in WITHOUT_ACCOUNT
        }
        for account in ruled_tables["accounts"].records
    }
    for name, ruled in ruled_tables.items():
        if name not in WITHOUT_ACCOUNT:
            for record in ruled.records:
                grouped[record.account_id][name].append(record)
    return grouped


def _is_in_scope(account: Record, health_date: date) -> bool:
    day_start = midnight(health_date)
    has_churned = account.churned_at is not None and account.churned_at < day_start
    return account.created_at < day_start + timedelta(days=1) and not has_churned


def _calculated(
    facts: Facts,
    values: dict[str, float | None],
    configuration: Configuration,
    statuses: Mapping[str, SourceStatus],
) -> Calculated:
    signals = signal_values(facts, configuration, values)
    health = account_health(facts, signals, configuration, statuses)
    fit_pillars = {
        pillar.pillar_id
        for pillar in configuration.pillars
        if is_fit(pillar.pillar_id, configuration, statuses)
    }
    return Calculated(facts, values, signals, fit_pillars, health, statuses)


def _rejected_records(ruled_tables: Iterable[RuledTable], start: date) -> list[PublishedRow]:
    return [
        {**vars(rejection), "first_seen_on": start}
        for ruled in ruled_tables
        for rejection in ruled.rejections
    ]


def _raw_file_rows(
    raw: Mapping[str, RawRows], others: Iterable[tuple[str | None, str]]
) -> list[PublishedRow]:
    read = [
        {
            "table_name": table_name,
            "file": file.path,
            "format": file.format,
            "row_count": file.row_count,
            "columns_read": json.dumps(file.columns),
            "columns_ignored": json.dumps(file.ignored, ensure_ascii=False),
            "is_read": rows.problem is None,
            "problem": file.problem,
        }
        for table_name, rows in raw.items()
        for file in rows.files
    ]
    not_read = [
        {
            "table_name": table_name,
            "file": name,
            "format": None,
            "row_count": None,
            "columns_read": "[]",
            "columns_ignored": "[]",
            "is_read": False,
            "problem": "it is not read",
        }
        for table_name, name in others
    ]
    return read + not_read


def _source_status_rows(
    health_date: date, statuses: Mapping[str, SourceStatus]
) -> list[PublishedRow]:
    return [
        {"health_date": health_date, "table_name": table_name, **vars(status)}
        for table_name, status in statuses.items()
    ]


def _add_history(
    rows: PublishedRows,
    history: list[Calculated],
    configuration: Configuration,
    reporting_currency: str,
) -> None:
    """Add the rows of all tables that describe accounts; `history` is in the order of dates."""
    runs: dict[tuple[str, str], Run] = {}
    shown: dict[tuple[str, str], dict[date, str]] = defaultdict(dict)
    not_calculated_since: dict[tuple[str, str], date] = {}
    for calculated in history:
        rows["account_health_history"].append(_account_history_row(calculated))
        rows["pillar_health_history"] += _pillar_history_rows(calculated)
        rows["pillar_metrics_history"] += _metric_rows(calculated, configuration)
        rows["segment_membership"] += _membership_rows(calculated, configuration)
        rows["health_explanations"] += _explanation_rows(calculated)
        rows["not_calculated_accounts"] += _not_calculated_rows(calculated, not_calculated_since)
        for judgement in calculated.judgements:
            place = (calculated.account_id, judgement.pillar_id)
            runs[place] = _continued(runs.get(place), judgement.state, calculated.health_date)
            shown[place][calculated.health_date] = judgement.state
    for day in _days(history):
        rows["account_rollup_history"] += rollup.rollup_rows(day)
    for calculated in _days(history)[-1] if history else []:
        rows["account_properties"] += property_rows(calculated, configuration)
        for judgement in calculated.judgements:
            place = (calculated.account_id, judgement.pillar_id)
            told: PublishedRow = {
                "main_reason": main_reason(
                    calculated, judgement, configuration, reporting_currency
                ),
                "last_60_days": last_60_days(shown[place], calculated.health_date),
                **{name: getattr(judgement, name, None) for name in CERTAINTY},
            }
            if judgement is calculated.health.overall:
                row = _account_row(calculated, runs[place], configuration.pillars)
                rows["account_health"].append({**row, **told})
            else:
                row = _pillar_row(calculated, judgement, runs[place], configuration)
                rows["pillar_health"].append({**row, **told})


def _days(history: list[Calculated]) -> list[list[Calculated]]:
    """The history by date, in its order."""
    days: dict[date, list[Calculated]] = defaultdict(list)
    for calculated in history:
        days[calculated.health_date].append(calculated)
    return list(days.values())


def _continued(run: Run | None, state: str, health_date: date) -> Run:
    if run is not None and run.state == state:
        return run
    return Run(state, health_date, None if run is None else run.state)


def _pillar_row(
    calculated: Calculated, pillar: Judgement, run: Run, configuration: Configuration
) -> PublishedRow:
    return {
        "account_id": calculated.account_id,
        "account_name": calculated.facts.account.account_name,
        "health_date": calculated.health_date,
        "pillar_id": pillar.pillar_id,
        "pillar_name": configuration.pillar_names[pillar.pillar_id],
        "segment_id": calculated.segment_id,
        "state": pillar.state,
        "state_since": run.since,
        "score": pillar.score,
        "reason": pillar.reason,
    }


def _account_row(calculated: Calculated, run: Run, pillars: list[Pillar]) -> PublishedRow:
    health = calculated.health
    pillar_columns: PublishedRow = {
        f"{pillar.pillar_id}_{column}": getattr(pillar, column)
        for pillar in health.pillars
        if pillar.pillar_id in CORE_PILLARS
        for column in ("state", "score")
    }
    no_core_pillar = {
        f"{pillar_id}_{column}": None for pillar_id in CORE_PILLARS for column in ("state", "score")
    }
    return {
        "account_id": calculated.account_id,
        "account_name": calculated.facts.account.account_name,
        "health_date": calculated.health_date,
        "segment_id": calculated.segment_id,
        "segment_name": None if health.chosen is None else health.chosen.segment_name,
        "csm_email": calculated.signals["csm_email"],
        "lifecycle_stage": calculated.signals["lifecycle_stage"],
        "mrr": calculated.mrr,
        "overall_state": health.overall.state,
        "overall_score": health.overall.score,
        "previous_overall_state": run.previous_state,
        "state_since": run.since,
        "worst_pillar_id": _worst_pillar_id(health, pillars),
        "coverage": health.coverage,
        **no_core_pillar,
        **pillar_columns,
        "reason": health.overall.reason,
    }


def _worst_pillar_id(health: AccountHealth, pillars: list[Pillar]) -> str | None:
    """The pillar with the lowest score; of equal ones the first to be displayed."""
    display_order = {pillar.pillar_id: pillar.display_order for pillar in pillars}

    def order(pillar: Judgement) -> tuple[float, float, str]:
        return (rounded(pillar.score), display_order[pillar.pillar_id], pillar.pillar_id)

    scored = [pillar for pillar in health.pillars if pillar.score is not None]
    worst = min(scored, key=order, default=None)
    return None if worst is None else worst.pillar_id


def _account_history_row(calculated: Calculated) -> PublishedRow:
    overall = calculated.health.overall
    return {
        "health_date": calculated.health_date,
        "account_id": calculated.account_id,
        "segment_id": calculated.segment_id,
        "csm_email": calculated.signals["csm_email"],
        "mrr": calculated.mrr,
        "overall_state": overall.state,
        "calculated_overall_state": overall.calculated_state,
        "overall_score": overall.score,
        "coverage": calculated.health.coverage,
        "reason": overall.reason,
        "is_overridden": overall.is_overridden,
        "config_version": CONFIG_VERSION,
        "score_low": overall.score_low,
        "score_high": overall.score_high,
        "is_certain": overall.is_certain,
        "settled_state": overall.settled_state,
    }


def _pillar_history_rows(calculated: Calculated) -> list[PublishedRow]:
    return [
        {
            "health_date": calculated.health_date,
            "account_id": calculated.account_id,
            "segment_id": calculated.segment_id,
            "config_version": CONFIG_VERSION,
            **vars(pillar),
        }
        for pillar in calculated.health.pillars
    ]


def _metric_rows(calculated: Calculated, configuration: Configuration) -> list[PublishedRow]:
    return [
        {
            "health_date": calculated.health_date,
            "account_id": calculated.account_id,
            "pillar_id": metric.pillar_id,
            "metric_id": metric.metric_id,
            "value": float(value),
        }
        for metric in configuration.metrics
        if (value := calculated.metric_values[metric.metric_id]) is not None
    ]


def _membership_rows(calculated: Calculated, configuration: Configuration) -> list[PublishedRow]:
    memberships = calculated.health.memberships
    return [
        {
            "health_date": calculated.health_date,
            "account_id": calculated.account_id,
            "segment_id": segment.segment_id,
            "priority": segment.priority,
            "membership": "member" if memberships[segment.segment_id] else "unknown",
            "is_chosen": segment.segment_id == calculated.segment_id,
        }
        for segment in configuration.segments
        if segment.segment_id in memberships
    ]


def _explanation_rows(calculated: Calculated) -> list[PublishedRow]:
    return [
        {
            "health_date": calculated.health_date,
            "account_id": calculated.account_id,
            "segment_id": answer.condition.segment_id,
            "pillar_id": answer.condition.pillar_id,
            "rule_set": answer.condition.rule_set,
            "clause": answer.condition.clause,
            "signal_id": answer.condition.signal_id,
            "observed": answer.observed,
            "operator": answer.condition.operator,
            "threshold": answer.threshold,
            "scaled_by": answer.condition.scaled_by,
            "resolved_threshold": answer.resolved_threshold,
            "is_met": answer.is_met,
            "gap": answer.gap,
            "clause_holds": clause_holds,
        }
        for answer, clause_holds in zip(
            calculated.health.answers, clause_answers(calculated.health.answers), strict=True
        )
    ]


def _not_calculated_rows(
    calculated: Calculated, since: dict[tuple[str, str], date]
) -> list[PublishedRow]:
    """The account's pillars and overall that were not calculated; keeps `since` up to date."""
    account = calculated.facts.account
    yesterday = calculated.facts.day_start - timedelta(days=1)
    rows = []
    for judgement in calculated.judgements:
        place = (account.account_id, judgement.pillar_id)
        if judgement.calculated_state != NOT_CALCULATED:
            since.pop(place, None)
            continue
        rows.append(
            {
                "health_date": calculated.health_date,
                "account_id": account.account_id,
                "account_name": account.account_name,
                "csm_email": calculated.signals["csm_email"],
                "pillar_id": judgement.pillar_id,
                "reason": judgement.reason,
                "account_age_days": account_age_days(calculated.facts),
                "since": since.setdefault(place, calculated.health_date),
                "needs_review": judgement.reason not in REASONS_WITHOUT_REVIEW
                and account.created_at < yesterday,
            }
        )
    return rows
