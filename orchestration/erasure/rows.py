"""The rows of those who are erased, in a store: which they are, and how they go."""

from collections.abc import Callable, Iterator
from datetime import date

from orchestration.erasure.dagster_records import SHORTEST_SOUGHT
from orchestration.erasure.stores import Store, Table

# What is derived from the kept events, and rebuilt from them by the next run.
REBUILT = ("int_event_source_days", "int_account_days")
COMPACTED = ("int_users_compacted", "int_features_compacted", "int_events_compacted")
OF_EVENTS = "intermediate"
# The time of a record, the first of them that a table has.
TIMES = ("event_day", "record_time", "health_date")
# How far the work on the tables has come: done, of how many, and the next of them.
Report = Callable[[int, int, str], None]


def count_rows(store: Store, report: Report) -> dict[str, int]:
    """How many rows of them each table has; those with none are left out."""
    counts = {}
    tables = store.tables()
    for place, table in enumerate(tables):
        report(place, len(tables), str(table))
        if condition := condition_on(store, table):
            [(count,)] = store.rows(
                f"select count(*) from {store.spelled(table)} where {condition}"
            )
            if count:
                counts[str(table)] = count
    return counts


def remove_rows(store: Store, counts: dict[str, int], report: Report) -> None:
    """Delete the rows that were counted, and what other rows say of them.

    Again where it was stopped, it does the rest: sums go before the rows that they were made of.
    """
    if counts:
        forget_sums_of_events(store)
    tables = store.tables()
    for place, table in enumerate(tables):
        report(place, len(tables), str(table))
        forget_parents(store, table)
        if counts.get(str(table)):
            condition = condition_on(store, table)
            store.execute(f"delete from {store.spelled(table)} where {condition}")


def condition_on(store: Store, table: Table) -> str:
    """SQL of what tells that a row of a table is of somebody who is erased; blank: none can be."""
    return " or ".join(conditions_on(store, table))


def conditions_on(store: Store, table: Table) -> Iterator[str]:
    columns = table.columns
    for kind in ("account", "user"):
        if f"{kind}_id" in columns:
            yield is_of(kind)
        if "record" in columns:  # the raw row as JSON
            yield f"trim({store.id_in_record(kind)}) in ({ids(kind)})"
        if "record_key" in columns and "table_name" in columns:
            yield f"(table_name = '{kind}s' and record_key in ({ids(kind)}))"
    if table.name == "check_failures":
        yield "record_key in (select id from erased)"
    if "parent_account_id" in columns and "account_id" not in columns:
        yield f"parent_account_id in ({ids('account')})"


def forget_parents(store: Store, table: Table) -> None:
    """Take an erased account away from the rows of those that belong to it.

    A main reason that names one is said anew when its date is calculated again. Ids that are too
    short cannot be told from other text.
    """
    named, columns = store.spelled(table), table.columns
    accounts = f"in ({ids('account')})"
    if {"account_id", "parent_account_id"} <= columns:
        store.execute(
            f"update {named} set parent_account_id = null where parent_account_id {accounts}"
        )
    if {"signal_id", "observed"} <= columns:
        store.execute(
            f"update {named} set observed = null"
            f" where signal_id = 'parent_account_id' and observed {accounts}"
        )
    if {"property_id", "value_text"} <= columns:
        store.execute(
            f"delete from {named} where property_id = 'parent_account_id' and value_text {accounts}"
        )
    if "main_reason" in columns:
        store.execute(
            f"update {named} set main_reason = null where exists (select id from erased"
            f" where length(id) >= {SHORTEST_SOUGHT} and contains(main_reason, id))"
        )


def forget_sums_of_events(store: Store) -> None:
    """Have the next run fold the kept events again, which are those of the others by then."""
    for table in store.tables():
        if table.schema == OF_EVENTS and table.name in REBUILT:
            store.drop(table)
        # Emptied: without it all raw events were read.
        if table.schema == OF_EVENTS and table.name in COMPACTED:
            store.execute(f"delete from {store.spelled(table)}")


def first_date_with_them(store: Store) -> date | None:
    """The first health date that knew a record of somebody; None where there is none."""
    days: list[date] = []
    for table in store.tables():
        time = next((name for name in TIMES if name in table.columns), None)
        kinds = [kind for kind in ("account", "user") if f"{kind}_id" in table.columns]
        if time is None or not kinds or table.schema == "operations":
            continue
        [(first,)] = store.rows(
            f"select cast(min({time}) as date) from {store.spelled(table)}"
            f" where {' or '.join(map(is_of, kinds))}"
        )
        if first:
            days.append(first)
    return min(days, default=None)


def is_of(kind: str) -> str:
    return f"{kind}_id in ({ids(kind)})"


def ids(kind: str) -> str:
    return f"select id from erased where kind = '{kind}'"
