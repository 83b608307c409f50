"""Which health dates can be calculated again without those who are erased, and come out the same
but for them."""

from dataclasses import dataclass, field
from datetime import date

from orchestration.base.dbt_project import variables
from orchestration.erasure.stores import Store
from orchestration.warehouse.health_dates import Range, put_together

NEEDED = {
    "health.account_health_history",
    "health.source_status",
    "intermediate.int_source_days",
    "intermediate.int_validated_events",
}


@dataclass
class Dates:
    """Those that can, and those that cannot: because the raw tables do not reach so far back, or
    because they were calculated with another configuration."""

    again: list[Range] = field(default_factory=list)
    out_of_raw: list[Range] = field(default_factory=list)
    previous_configuration: list[Range] = field(default_factory=list)


def dates_since(store: Store, since: date | None, events_from: date | None) -> Dates:
    """The health dates since then; events_from: the first day of the raw events."""
    names = {str(table) for table in store.tables()}
    if since is None or not names >= NEEDED:
        return Dates()
    history = store.rows(
        f"""
        select
            health_date,
            min(config_version) = (
                select max_by(config_version, health_date)
                from health.account_health_history
            ) as is_present
        from health.account_health_history
        where health_date >= date '{since}'
        group by health_date
        """
    )
    out_of_raw = dates_out_of_raw(store, events_from)
    present = {day for day, is_present in history if is_present}
    return Dates(
        again=ranges(present - out_of_raw),
        out_of_raw=ranges(present & out_of_raw),
        previous_configuration=ranges({day for day, _ in history} - present),
    )


def dates_out_of_raw(store: Store, events_from: date | None) -> set[date]:
    """Dates of which a table had more rows when they were calculated than it has of them now, or
    whose events would be read again from days that the raw table has no more."""
    found = store.rows(
        """
        select distinct health_date
        from (
            select status.health_date
            from health.source_status as status
            left join intermediate.int_source_days as days
                on status.table_name = days.table_name and days.event_day < status.health_date
            where status.table_name <> 'events'
            group by status.health_date, status.table_name, status.rows_before_date
            having
                status.rows_before_date > coalesce(sum(days.rows_read - days.rows_rejected), 0)
        ) as fewer
        """
    )
    if events_from:
        found += store.rows(
            f"""
            select distinct health_date
            from health.source_status
            where
                exists (
                    select 1
                    from intermediate.int_validated_events
                    where event_day < date '{events_from}'
                )
                and health_date - {late_arrival_days()} < date '{events_from}'
            """
        )
    return {day for (day,) in found}


def late_arrival_days() -> int:
    return int(variables()["late_arrival_days"])


def ranges(days: set[date]) -> list[Range]:
    return put_together((day, day) for day in sorted(days))
