"""What conditions can compare: a value for every signal of an account on a health date.

A number signal is a float, a text signal a str, a boolean signal a bool, `tag` a set of texts; None
is missing everywhere.
"""

from collections.abc import Mapping
from datetime import datetime

from .configuration import Configuration
from .facts import Facts
from .row_rules import Record
from .values import read_boolean, read_number

SignalValue = float | str | bool | frozenset[str] | None
ACCOUNT_PROPERTIES = ("lifecycle_stage", "industry", "region", "csm_email", "parent_account_id")


def signal_types(configuration: Configuration) -> dict[str, str]:
    """The type of every signal: number, text, boolean or tags."""
    return {
        **{metric.metric_id: "number" for metric in configuration.metrics},
        "account_age_days": "number",
        **configuration.attribute_types,
        **dict.fromkeys(ACCOUNT_PROPERTIES, "text"),
        "plan_id": "text",
        "tag": "tags",
    }


def signal_values(
    facts: Facts, configuration: Configuration, metric_values: Mapping[str, float | None]
) -> dict[str, SignalValue]:
    """The value of every signal."""
    attributes = {
        attribute_id: _attribute(facts, attribute_id, value_type)
        for attribute_id, value_type in configuration.attribute_types.items()
    }
    properties = {name: _property(facts, name) for name in ACCOUNT_PROPERTIES}
    return {
        **metric_values,
        "account_age_days": account_age_days(facts),
        **attributes,
        **properties,
        "plan_id": _plan_id(facts),
        "tag": _tags(facts),
    }


def account_age_days(facts: Facts) -> int:
    """Whole days from created_at's day to D."""
    return facts.whole_days_since(facts.account.created_at)


def _latest_entry(facts: Facts, attribute: str) -> Record | None:
    """The entry of the attribute log that holds on D; a blank value is the lowest."""

    def order(entry: Record) -> tuple[datetime, str]:
        return (entry.recorded_at, entry.value or "")

    entries = facts.records("account_attributes")
    return max(
        (entry for entry in entries if entry.attribute == attribute), key=order, default=None
    )


def _attribute(facts: Facts, attribute_id: str, value_type: str) -> SignalValue:
    entry = _latest_entry(facts, attribute_id)
    if entry is None or entry.value is None:
        return None
    if value_type == "number":
        return read_number(entry.value)
    if value_type == "boolean":
        return read_boolean(entry.value)
    return entry.value


def _property(facts: Facts, name: str) -> str | None:
    entry = _latest_entry(facts, name)
    return getattr(facts.account, name) if entry is None else entry.value


def _plan_id(facts: Facts) -> str | None:
    ranked = [
        subscription
        for subscription in facts.active_subscriptions(facts.day_start)
        if subscription.plan_id in facts.plan_ranks
    ]

    def order(subscription: Record) -> tuple[float, float, str]:
        rank = facts.plan_ranks[subscription.plan_id]
        return (-rank, -subscription.mrr, subscription.subscription_id)

    top = min(ranked, key=order, default=None)
    return None if top is None else top.plan_id


def _tags(facts: Facts) -> frozenset[str] | None:
    if facts.is_absent("account_tags"):
        return None
    return frozenset(tag.tag for tag in facts.tags_on())
