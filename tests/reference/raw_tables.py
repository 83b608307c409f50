"""What the contract says of each raw table: its columns in order, their types, words and ranges.

No rule is applied here; row_rules.py does that.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

EARLIEST_PLAUSIBLE_TIME = datetime(2000, 1, 1)
SURVEY_SCORE_RANGES = {"nps": (0.0, 10.0), "pulse": (1.0, 5.0)}


@dataclass(frozen=True)
class Column:
    """One column; the bounds are inclusive and concern values that can be read.

    A code is a text that is compared without regard to case. `needed_for`: the kinds of rows in
    which the column is required.
    """

    name: str
    kind: str  # text, time, number, word or code
    is_required: bool
    words: frozenset[str] = frozenset()
    lowest: float = -math.inf
    highest: float = math.inf
    needed_for: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RawTable:
    """One raw table; an end column that lies before the main time is read as the main time.

    `amount`: the column that is money, in the row's currency. `has_key_by_day`: rows with one key
    are duplicates only on the same day of their main time, whose time of day does not matter.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    ends: tuple[str, ...] = ()
    amount: str | None = None
    has_key_by_day: bool = False

    @cached_property
    def main_time(self) -> str:
        """The first required time."""
        return next(
            column.name for column in self.columns if column.is_required and column.kind == "time"
        )


# A starred name is required, as in the contract.
def _text(name: str) -> Column:
    return Column(name.rstrip("*"), "text", name.endswith("*"))


def _time(name: str) -> Column:
    return Column(name.rstrip("*"), "time", name.endswith("*"))


def _code(name: str) -> Column:
    return Column(name.rstrip("*"), "code", name.endswith("*"))


def _number(name: str, lowest: float = -math.inf, highest: float = math.inf) -> Column:
    return Column(name.rstrip("*"), "number", name.endswith("*"), lowest=lowest, highest=highest)


def _word(name: str, *words: str) -> Column:
    return Column(name.rstrip("*"), "word", name.endswith("*"), words=frozenset(words))


def _for(column: Column, *kinds: str) -> Column:
    """The column, required in rows of these kinds."""
    return replace(column, needed_for=frozenset(kinds))


def raw_tables(pillar_ids: Collection[str] = ()) -> tuple[RawTable, ...]:
    """All raw tables; accounts, exchange rates and entries before those that need them.

    An override names a pillar of the configuration.
    """
    return (
        RawTable(
            "accounts",
            ("account_id",),
            (
                _text("account_id*"),
                _text("account_name*"),
                _time("created_at*"),
                _text("parent_account_id"),
                _text("csm_email"),
                _text("lifecycle_stage"),
                _text("industry"),
                _text("region"),
                _time("churned_at"),
            ),
            ends=("churned_at",),
        ),
        RawTable(
            "exchange_rates",
            ("currency", "rate_on"),
            (
                _code("currency*"),
                _time("rate_on*"),
                # 0 is out of range: the least double above it is in.
                _number("rate*", lowest=math.ulp(0.0)),
            ),
            has_key_by_day=True,
        ),
        RawTable(
            "health_entries",
            ("entry_id",),
            (
                _text("entry_id*"),
                _text("account_id*"),
                _word("kind*", "risk_score", "tag_on", "tag_off", "override", "override_off"),
                _time("entered_at*"),
                _text("author*"),
                _for(_text("tag"), "tag_on", "tag_off"),
                _for(_word("tag_kind", "risk", "confidence", "label"), "tag_on"),
                _for(_number("risk_score", lowest=0, highest=100), "risk_score"),
                _for(_word("pillar_id", "overall", *pillar_ids), "override"),
                _for(_word("state", "good", "average", "poor"), "override"),
                _time("expires_at"),
                _for(_text("note"), "override"),
                _for(_text("refers_to"), "override_off"),
            ),
        ),
        RawTable(
            "account_attributes",
            (),
            (_text("account_id*"), _text("attribute*"), _time("recorded_at*"), _text("value")),
        ),
        RawTable(
            "account_tags",
            (),
            (
                _text("account_id*"),
                _text("tag*"),
                _word("kind*", "risk", "confidence", "label"),
                _time("added_at*"),
                _time("removed_at"),
                _text("author"),
                _text("note"),
            ),
            ends=("removed_at",),
        ),
        RawTable(
            "users",
            ("user_id",),
            (
                _text("user_id*"),
                _text("account_id*"),
                _time("created_at*"),
                _text("email"),
                _text("user_name"),
                _text("role"),
                _time("deactivated_at"),
            ),
            ends=("deactivated_at",),
        ),
        RawTable(
            "events",
            ("event_id",),
            (
                _text("event_id*"),
                _text("account_id*"),
                _text("feature*"),
                _time("occurred_at*"),
                _text("user_id"),
                _text("module"),
                _text("product"),
                _number("event_count", lowest=0),
                _time("loaded_at"),
            ),
            has_key_by_day=True,
        ),
        RawTable(
            "subscriptions",
            ("subscription_id", "started_at"),
            (
                _text("subscription_id*"),
                _text("account_id*"),
                _text("plan_id*"),
                _number("mrr*", lowest=0),
                _time("started_at*"),
                _number("seats", lowest=0),
                _time("ended_at"),
                _time("renews_at"),
                _code("currency"),
            ),
            ends=("ended_at",),
            amount="mrr",
        ),
        RawTable(
            "invoices",
            ("invoice_id",),
            (
                _text("invoice_id*"),
                _text("account_id*"),
                _number("amount*"),
                _time("issued_at*"),
                _time("due_at"),
                _time("paid_at"),
                _time("voided_at"),
                _code("currency"),
            ),
            amount="amount",
        ),
        RawTable(
            "tickets",
            ("ticket_id",),
            (
                _text("ticket_id*"),
                _text("account_id*"),
                _time("created_at*"),
                _text("user_id"),
                _word("priority", "low", "normal", "high", "urgent"),
                _time("first_replied_at"),
                _time("solved_at"),
                _number("reopens", lowest=0),
                _number("csat_score", lowest=1, highest=5),
                _time("csat_at"),
            ),
            ends=("first_replied_at", "solved_at"),
        ),
        RawTable(
            "touchpoints",
            ("touchpoint_id",),
            (
                _text("touchpoint_id*"),
                _text("account_id*"),
                _word(
                    "channel*",
                    *("email", "call", "meeting", "webinar", "qbr", "visit", "support", "note"),
                ),
                _time("occurred_at*"),
                _text("direction"),
                _text("csm_email"),
                _text("user_id"),
                _text("subject"),
            ),
        ),
        RawTable(
            "survey_responses",
            ("response_id",),
            (
                _text("response_id*"),
                _text("account_id*"),
                _word("kind*", *SURVEY_SCORE_RANGES),
                _number("score*"),
                _time("responded_at*"),
                _text("user_id"),
            ),
        ),
        RawTable(
            "risk_assessments",
            ("assessment_id",),
            (
                _text("assessment_id*"),
                _text("account_id*"),
                _number("risk_score*", lowest=0, highest=100),
                _time("assessed_at*"),
                _text("author"),
                _text("note"),
            ),
        ),
        RawTable(
            "health_overrides",
            ("override_id",),
            (
                _text("override_id*"),
                _text("account_id*"),
                _word("pillar_id*", "overall", *pillar_ids),
                _word("state*", "good", "average", "poor"),
                _text("reason*"),
                _text("author*"),
                _time("created_at*"),
                _time("expires_at"),
            ),
            ends=("expires_at",),
        ),
    )
