"""What is known of one account on one health date, and the predicates on times that the contract
uses for it: in the window, open, unpaid, active, on, known.

Only records with a main time before D are here at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

from .row_rules import Record

# An account's records by table, in no order; None for an absent table.
AccountRecords = Mapping[str, list[Record] | None]


@dataclass(frozen=True)
class Facts:
    """The account, the health date D, and the account's records known on D by table.

    `columns`: those of each table that any of its files has.
    """

    account: Record
    health_date: date
    tables: AccountRecords
    columns: Mapping[str, frozenset[str]]
    plan_ranks: Mapping[str, float]

    @cached_property
    def day_start(self) -> datetime:
        """D 00:00 UTC."""
        return midnight(self.health_date)

    def is_absent(self, table_name: str) -> bool:
        return self.tables[table_name] is None

    def has_column(self, table_name: str, column_name: str) -> bool:
        return column_name in self.columns[table_name]

    def records(self, table_name: str) -> list[Record]:
        return self.tables[table_name] or []

    def in_window(self, moment: datetime | None, window_days: int | None) -> bool:
        """`D - w <= moment < D`; without a window, any time before D."""
        if moment is None or moment >= self.day_start:
            return False
        return window_days is None or moment >= self.window_start(window_days)

    def window_start(self, window_days: int) -> datetime:
        return self.day_start - timedelta(days=window_days)

    def whole_days_since(self, moment: datetime) -> int:
        """The midnights crossed from the moment's day up to D."""
        return (self.health_date - moment.date()).days

    def active_subscriptions(self, day_start: datetime) -> list[Record]:
        """The subscriptions active on the day that starts then."""
        return [
            subscription
            for subscription in self.records("subscriptions")
            if subscription.started_at < day_start
            and not is_before(subscription.ended_at, day_start)
            and not is_before(subscription.next_started_at, day_start)
        ]

    def unpaid_invoices(self) -> list[Record]:
        """Unpaid on D, credits left out."""
        return [
            invoice
            for invoice in self.records("invoices")
            if invoice.amount > 0
            and not is_before(invoice.paid_at, self.day_start)
            and not is_before(invoice.voided_at, self.day_start)
        ]

    def tags_on(self) -> list[Record]:
        return [
            tag
            for tag in self.records("account_tags")
            if not is_before(tag.removed_at, self.day_start)
        ]

    def known_users(self) -> set[str]:
        """The user ids known on D."""
        deactivated = {
            user.user_id
            for user in self.records("users")
            if is_before(user.deactivated_at, self.day_start)
        }
        created = {user.user_id for user in self.records("users")}
        seen = distinct(event.user_id for event in self.records("events"))
        return (created | seen) - deactivated


def facts_on(
    account: Record,
    health_date: date,
    tables: AccountRecords,
    main_times: Mapping[str, str],
    columns: Mapping[str, frozenset[str]],
    plan_ranks: Mapping[str, float],
) -> Facts:
    """The facts of an account on D: of each table the records with a main time before D."""
    day_start = midnight(health_date)
    known = {
        name: None
        if records is None
        else [record for record in records if getattr(record, main_times[name]) < day_start]
        for name, records in tables.items()
    }
    return Facts(account, health_date, known, columns, plan_ranks)


def midnight(day: date) -> datetime:
    """The day's 00:00 UTC."""
    return datetime.combine(day, time.min)


def is_before(moment: datetime | None, day_start: datetime) -> bool:
    """Whether there is such a moment and it lies before the day."""
    return moment is not None and moment < day_start


def distinct(values: Iterable[str | None]) -> set[str]:
    return {value for value in values if value is not None}
