"""The boundary `raw`: what is validated before dbt runs, from the profiles of the raw tables.

A check compares the days before the health date with the table's own earlier days. Where there is
too little to compare with, a measure is None and the check passes: nothing is said of it. Where one
record is not the table but a column, or needs an explanation, the measure lists such records.
"""

import statistics
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta

from expectations.checks import Check
from expectations.queries import checks_of
from expectations.raw_columns import recall, remember
from expectations.raw_profile import Period, Profile, read_profiles, recent, usual
from expectations.reports import Report
from expectations.tables import replace_source_check_failures
from expectations.validation import Figures, validated
from orchestration.base import clock
from orchestration.base.settings import Settings
from orchestration.warehouse.connections import WarehouseNotReady, reading
from orchestration.warehouse.health_dates import dates_between

Named = tuple[str, float, str]  # a record's key, its figure, and what explains it
Measure = Callable[[Profile, Check, date], float | list[Named] | None]


def run_raw_checks(
    settings: Settings, first: date, last: date | None = None, today: date | None = None
) -> Report:
    """Validate the raw data as of each health date from first to last.

    Critical failures go to `checks.source_check_failures` of the warehouse, where dbt finds them;
    `today` (UTC when not given) says which rows lie in the future.
    """
    last = last or first
    checks = checks_of("raw")
    profiles = read_profiles(settings, checks, first, last, today or clock.today())
    add_counts(settings, profiles)
    report = validated_profiles(profiles, checks, dates_between(first, last))
    replace_source_check_failures(settings, report)
    columns = {table: profile.columns for table, profile in profiles.items() if profile.columns}
    remember(settings, columns, report.dates[0], report.dates[-1])
    return report


def validated_profiles(
    profiles: dict[str, Profile], checks: Iterable[Check], dates: tuple[date, ...]
) -> Report:
    """Validate the profiles by the checks."""
    figures = []
    for table, profile in profiles.items():
        asked = [check for check in checks if check.table_name == table]
        records = [record for day in dates for record in records_on(profile, asked, day)]
        figures.append(Figures(asked, records))
    return validated("raw", dates, figures)


def records_on(profile: Profile, checks: list[Check], health_date: date) -> list[dict[str, object]]:
    """What is validated of a table on a health date: the table, and what its measures name."""
    table: dict[str, object] = {
        "health_date": health_date,
        "record_key": profile.table,
        "detail": profile.problem,
    }
    records = [table]
    for check in checks:
        figure = observe(profile, check, health_date)
        if not isinstance(figure, list):
            table[check.title] = figure
            continue
        records += [
            {"health_date": health_date, "record_key": key, "detail": detail, check.title: number}
            for key, number, detail in figure
        ]
    return records


def observe(profile: Profile, check: Check, health_date: date) -> float | list[Named] | None:
    """What a check measures; None where the table is absent or cannot be read."""
    measure = MEASURES[check.check_name]
    if check.check_name not in ("readable", "present") and (
        not profile.is_present or profile.problem
    ):
        return None
    return measure(profile, check, health_date)


def add_counts(settings: Settings, profiles: dict[str, Profile]) -> None:
    """Add what the warehouse knows of earlier dates; nothing where there is no warehouse."""
    try:
        with reading(settings) as warehouse:
            counts = warehouse.rows_if_there(
                "health.source_status",
                "select table_name, health_date, rows_before_date from health.source_status "
                "where status <> 'absent'",
            )
            recall(warehouse, {table: p.columns for table, p in profiles.items() if p.columns})
    except WarehouseNotReady:
        if settings.warehouse.exists():
            raise
        return
    for table, health_date, rows in counts:
        if table in profiles:
            profiles[table].rows_counted[health_date] = rows


# Measures ----------------------------------------------------------------------------------------


def ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def readable(profile: Profile, check: Check, health_date: date) -> float:
    return 1.0 if profile.problem else 0.0


def present(profile: Profile, check: Check, health_date: date) -> float:
    was_there = any(day < health_date for day in profile.rows_counted)
    return 1.0 if was_there and not profile.is_present else 0.0


def rows_kept(profile: Profile, check: Check, health_date: date) -> float | None:
    earlier = Period(health_date - timedelta(days=check.days), health_date)
    counted = max((profile.rows_counted.get(day, 0) for day in earlier.days), default=0)
    return ratio(profile.total_rows, counted) if counted >= check.minimum_rows else None


def columns_kept(profile: Profile, check: Check, health_date: date) -> float | list[Named]:
    """Columns that metrics rest on, that were filled on an earlier date and are absent or empty.

    Empty is a column without a value in the days of the check, as soon as they have enough rows to
    tell: files of events of long ago keep a column that those of today have lost.
    """
    columns = profile.columns
    if columns is None:
        return 0.0

    def is_filled(column: str) -> bool | None:
        if check.window_days:
            window = recent(health_date, check.days)
            if profile.total("rows", window) >= max(check.minimum_rows, 1):
                return profile.total("filled", window, column) > 0
        return None if columns.filled is None else column in columns.filled

    vanished = columns.vanished(health_date, is_filled)
    return [(column, 1.0, columns.detail(column)) for column in vanished] or 0.0


def usual_rows(profile: Profile, health_date: date, days: int) -> float | None:
    """Rows of a usual period; None where the history is too short."""
    totals = [
        profile.total("rows", period)
        for period in usual(health_date, days)
        if profile.is_known(period)
    ]
    return statistics.median(totals) if len(totals) >= 2 else None


def volume(profile: Profile, check: Check, health_date: date) -> float | None:
    expected = usual_rows(profile, health_date, check.days)
    if expected is None or expected < check.minimum_rows:
        return None
    return ratio(profile.total("rows", recent(health_date, check.days)), expected)


def empty_days(profile: Profile, check: Check, health_date: date) -> float | list[Named]:
    """Days of the window without rows, on which there usually are some."""
    found = []
    for day in recent(health_date, check.days).days:
        after = day + timedelta(days=1)
        expected = usual_rows(profile, after, 1)
        has_rows = profile.total("rows", recent(after, 1)) > 0
        if expected is not None and expected >= check.minimum_rows and not has_rows:
            found.append(str(day))
    return [(profile.table, len(found), f"no rows on {', '.join(found)}")] if found else 0.0


def freshness_hours(profile: Profile, check: Check, health_date: date) -> float | None:
    before = [at for day, at in profile.latest.items() if day < health_date]
    if not before:
        return None
    midnight = datetime.combine(health_date, time())
    return (midnight - max(before)).total_seconds() / 3600


def null_share(profile: Profile, check: Check, health_date: date) -> float | None:
    return missing_share(profile, check, [recent(health_date, check.days)])


def missing_share(profile: Profile, check: Check, periods: list[Period]) -> float | None:
    rows = sum(profile.total("rows", period) for period in periods)
    filled: float = sum(profile.total("filled", period, check.column) for period in periods)
    return 1 - filled / rows if rows >= max(check.minimum_rows, 1) else None


def null_share_rise(profile: Profile, check: Check, health_date: date) -> float | None:
    now = null_share(profile, check, health_date)
    before = missing_share(profile, check, usual(health_date, check.days))
    return None if now is None or before is None else now - before


def value_counts(profile: Profile, column: str, periods: list[Period]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for period in periods:
        for day in period.days:
            for value, rows in profile.values.get(column, {}).get(day, {}).items():
                counts[value] = counts.get(value, 0) + rows
    return counts


def vocabulary(profile: Profile, check: Check, health_date: date) -> float | None:
    periods = [recent(health_date, check.days)]
    return share_outside(
        value_counts(profile, check.column, periods),
        profile.words[check.column],
        check.minimum_rows,
    )


def new_values(profile: Profile, check: Check, health_date: date) -> float | None:
    now = recent(health_date, check.days)
    before = Period(usual(health_date, check.days)[-1].start, now.start)
    known = value_counts(profile, check.column, [before])
    if sum(known.values()) < max(check.minimum_rows, 1):
        return None
    return share_outside(value_counts(profile, check.column, [now]), set(known), check.minimum_rows)


def share_outside(counts: dict[str, int], known: set[str], minimum_rows: int) -> float | None:
    rows = sum(counts.values())
    if rows < max(minimum_rows, 1) or not known:
        return None
    return sum(count for value, count in counts.items() if value not in known) / rows


def compared(statistic: str) -> Measure:
    """Measure of a statistic: a typical day of the window for each unit of a usual one."""

    def measure(profile: Profile, check: Check, health_date: date) -> float | None:
        column = check.column_name or ""
        now, before = (
            [recent(health_date, check.days)],
            usual(health_date, check.days),
        )
        counted = ("rows", "") if statistic in ("accounts", "distinct") else ("filled", column)
        for periods in (now, before):
            rows = sum(profile.total(counted[0], period, counted[1]) for period in periods)
            if rows < check.minimum_rows:
                return None
        if not profile.is_known(before[1]):
            return None
        return ratio(
            profile.typical(statistic, now, column), profile.typical(statistic, before, column)
        )

    return measure


def hour_shift(profile: Profile, check: Check, health_date: date) -> float | None:
    now = hours_of(profile, [recent(health_date, check.days)])
    before = hours_of(profile, usual(health_date, check.days))
    if min(sum(now), sum(before)) < max(check.minimum_rows, 1):
        return None

    def likeness(shift: int) -> int:
        return sum(now[hour] * before[(hour - shift) % 24] for hour in range(24))

    best = max(range(24), key=likeness)
    return float(min(best, 24 - best))


def hours_of(profile: Profile, periods: list[Period]) -> list[int]:
    by_day = [profile.hours.get(day, [0] * 24) for period in periods for day in period.days]
    return [sum(hours) for hours in zip(*by_day, strict=True)]


def future_share(profile: Profile, check: Check, health_date: date) -> float | None:
    return ratio(profile.future_rows, profile.total_rows)


def validated_share(statistic: str) -> Measure:
    """Measure of a share of the validated rows of the window, rows without a time included."""

    def measure(profile: Profile, check: Check, health_date: date) -> float | None:
        window = recent(health_date, check.days)
        rows = profile.total("validated", window) + profile.undated.get("validated", 0)
        part = profile.total(statistic, window) + profile.undated.get(statistic, 0)
        return part / rows if rows >= max(check.minimum_rows, 1) else None

    return measure


def unmatched_users(profile: Profile, check: Check, health_date: date) -> float | None:
    window = recent(health_date, check.days)
    filled = profile.total("filled", window, "user_id")
    if filled < max(check.minimum_rows, 1) or ("unmatched", "user_id") not in profile.numbers:
        return None
    return profile.total("unmatched", window, "user_id") / filled


def duplicate_share(profile: Profile, check: Check, health_date: date) -> float | None:
    window = recent(health_date, check.days)
    rows = profile.total("rows", window)
    if rows < max(check.minimum_rows, 1):
        return None
    return 1 - (profile.total("validated", window) - profile.total("repeated", window)) / rows


MEASURES: dict[str, Measure] = {
    "readable": readable,
    "present": present,
    "rows_kept": rows_kept,
    "columns_kept": columns_kept,
    "volume": volume,
    "empty_days": empty_days,
    "freshness_hours": freshness_hours,
    "null_share": null_share,
    "null_share_rise": null_share_rise,
    "vocabulary": vocabulary,
    "new_values": new_values,
    "distinct_values": compared("distinct"),
    "level": compared("level"),
    "lag": compared("lag"),
    "hour_shift": hour_shift,
    "future_share": future_share,
    "rejected_share": validated_share("rejected"),
    "changed_share": validated_share("changed"),
    "unknown_accounts": validated_share("unknown_accounts"),
    "unmatched_users": unmatched_users,
    "duplicate_share": duplicate_share,
    "accounts_seen": compared("accounts"),
}
