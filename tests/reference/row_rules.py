"""What happens to a row or a value that breaks a rule of its table.

Turns rows of text into records with typed values, and lists everything rejected on the way.
A record has one attribute for each column of the contract: str, float, naive UTC datetime or None.
"""

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace

from .declared_values import DeclaredValues
from .entries import ENDS, Entries
from .money import Rates
from .raw_files import RawRows, TextRow
from .raw_tables import EARLIEST_PLAUSIBLE_TIME, SURVEY_SCORE_RANGES, Column, RawTable
from .values import is_null_number, is_null_time, read_number, read_time

Record = SimpleNamespace
# The order in which the faults of required values are looked for.
VALUE_FAULTS = ("missing", "invalid", "unknown", "implausible", "out_of_range")


@dataclass(frozen=True)
class Rejection:
    """A rejected row, or an ignored or changed value."""

    table_name: str
    record_key: str | None
    reason: str
    effect: str
    record: str
    record_time: datetime | None


@dataclass
class Row:
    """One raw row after its exact copies collapsed."""

    texts: TextRow
    main_time: datetime | None
    reason: str | None = None
    values: dict[str, object] = field(default_factory=dict)


@dataclass
class RuledTable:
    """A raw table with the rules applied; `rows` holds the rejected ones too.

    `columns`: those that any of its files has.
    """

    table: RawTable
    is_absent: bool
    is_unreadable: bool
    columns: frozenset[str]
    rows: list[Row]
    records: list[Record]
    rejections: list[Rejection]


@dataclass(frozen=True)
class Context:
    """What the rules of one table need of others.

    account_ids: the valid accounts; None for tables without an account, and for accounts itself.
    override_ids: the overrides that an entry may end; None where that is not asked.
    """

    account_ids: Collection[str] | None
    declared: DeclaredValues
    rates: Rates
    entries: Entries = field(default_factory=Entries)
    override_ids: Collection[str] | None = None


def apply_row_rules(table: RawTable, raw: RawRows, context: Context) -> RuledTable:
    """Apply all rules to one table; one that cannot be read counts as absent."""
    rejections: list[Rejection] = []
    declared = context.declared
    # A table that cannot be read counts as absent whatever was entered.
    entered = context.entries.rows(table.name) if raw.problem is None else []
    rows = _without_exact_copies(
        table, [declared.read(table, texts) for texts in raw.rows or []] + entered, declared
    )
    for row in rows:
        row.reason = _first_reason(table, row, context)
        if row.reason is None:
            # Values count here even when the row turns out to be a duplicate.
            rejections += _read_values(table, row, context)
    _reject_duplicates(table, [row for row in rows if row.reason is None])
    rejections += [_rejection(table, row, row.reason, "row_rejected") for row in rows if row.reason]
    records = [Record(**row.values) for row in rows if row.reason is None]
    if table.amount is not None:
        for record in records:
            _in_reporting_currency(table, record, context.rates)
    return RuledTable(
        table,
        is_absent=raw.rows is None and not entered,
        is_unreadable=raw.problem is not None,
        columns=raw.columns | (context.entries.columns(table.name) if entered else frozenset()),
        rows=rows,
        records=records,
        rejections=rejections,
    )


def _in_reporting_currency(table: RawTable, record: Record, rates: Rates) -> None:
    rate = rates.rate(record.currency, getattr(record, table.main_time))
    setattr(record, table.amount, getattr(record, table.amount) * rate)


def _without_exact_copies(
    table: RawTable, text_rows: list[TextRow], declared: DeclaredValues
) -> list[Row]:
    """One row for each distinct content of the contract's columns, with the latest loaded_at."""
    compared = [column.name for column in table.columns if column.name != "loaded_at"]
    reads_loaded_at = any(column.name == "loaded_at" for column in table.columns)
    loaded_formats = declared.time_formats(table.name, "loaded_at")

    def loaded_order(loaded_at: str) -> tuple[datetime, str]:
        """Later times are greater; what cannot be read is lowest, and null lower still."""
        return (read_time(loaded_at, loaded_formats) or datetime.min, loaded_at)

    copies: dict[tuple[str | None, ...], list[TextRow]] = defaultdict(list)
    for texts in text_rows:
        copies[tuple(texts.get(name) for name in compared)].append(texts)
    rows = []
    for same in copies.values():
        texts = {name: same[0][name] for name in compared if name in same[0]}
        loaded_at = max((copy.get("loaded_at", "") for copy in same), key=loaded_order)
        if reads_loaded_at and loaded_at:
            texts["loaded_at"] = loaded_at
        formats = declared.time_formats(table.name, table.main_time)
        main_time = read_time(texts.get(table.main_time, ""), formats)
        rows.append(Row(texts, main_time))
    return rows


def _first_reason(table: RawTable, row: Row, context: Context) -> str | None:
    """The first reason to reject the row that its own content gives."""
    faults = {
        column.name: _fault(table, column, row.texts, context.declared)
        for column in table.columns
        if column.is_required or row.texts.get("kind", "").lower() in column.needed_for
    }
    ends_override = context.override_ids is not None and faults.get("refers_to", "missing") is None
    if ends_override and row.texts["refers_to"] not in context.override_ids:
        faults["refers_to"] = "unknown"
    if table.amount is not None and row.main_time is not None:
        currency = row.texts.get("currency")
        if context.rates.rate(currency, row.main_time) is None:
            faults["currency"] = "unknown"
    for fault in VALUE_FAULTS:
        for name, found in faults.items():
            if found == fault:
                return f"{fault}_{name}"
    if context.account_ids is not None and row.texts["account_id"] not in context.account_ids:
        return "unknown_account"
    return None


def _fault(table: RawTable, column: Column, texts: TextRow, declared: DeclaredValues) -> str | None:
    """What is wrong with one value, if anything."""
    text = texts.get(column.name)
    if text is None:
        return "missing"
    if column.kind == "word" and text.lower() not in column.words:
        return "unknown"
    if column.kind == "time":
        return _time_fault(text, declared.time_formats(table.name, column.name))
    if column.kind == "number":
        return _number_fault(table, column, text, texts)
    return None


def _time_fault(text: str, formats: Collection[str]) -> str | None:
    if is_null_time(text):
        return "missing"
    moment = read_time(text, formats)
    if moment is None:
        return "invalid"
    return "implausible" if moment < EARLIEST_PLAUSIBLE_TIME else None


def _number_fault(table: RawTable, column: Column, text: str, texts: TextRow) -> str | None:
    if is_null_number(text):
        return "missing"
    number = read_number(text)
    if number is None:
        return "invalid"
    lowest, highest = column.lowest, column.highest
    if (table.name, column.name) == ("survey_responses", "score"):
        # An unknown kind is a reason of its own, and comes first.
        kind = texts.get("kind", "").lower()
        lowest, highest = SURVEY_SCORE_RANGES.get(kind, (lowest, highest))
    return None if lowest <= number <= highest else "out_of_range"


def _read_values(table: RawTable, row: Row, context: Context) -> list[Rejection]:
    """Fill the row's values; list the values that are ignored or changed."""
    declared = context.declared
    rejections = []
    for column in table.columns:
        fault = _fault(table, column, row.texts, declared)
        if fault is None:
            formats = declared.time_formats(table.name, column.name)
            row.values[column.name] = _typed(column, row.texts[column.name], formats)
            continue
        row.values[column.name] = None
        if fault != "missing":
            reason = f"{fault}_{column.name}"
            rejections.append(_rejection(table, row, reason, "value_ignored"))
    _end_by_entry(table, row, context.entries, has_fault=bool(rejections))
    for end in table.ends:
        if row.values[end] is not None and row.values[end] < row.main_time:
            row.values[end] = row.main_time
            rejections.append(_rejection(table, row, "ends_before_start", "value_changed"))
    return rejections


def _end_by_entry(table: RawTable, row: Row, entries: Entries, *, has_fault: bool) -> None:
    """Give the row the end that was entered, if it comes before its own.

    The record shows it, but for one whose own end has a fault, which is told of.
    """
    ended_at = entries.end(table.name, row.texts, row.values)
    if ended_at is None:
        return
    end = ENDS[table.name]
    own = row.values[end]
    if own is None or ended_at < own:
        row.values[end] = ended_at
        if not has_fault:
            row.texts[end] = ended_at.isoformat(sep=" ")


def _typed(column: Column, text: str, formats: Collection[str]) -> object:
    if column.kind == "time":
        return read_time(text, formats)
    if column.kind == "number":
        return read_number(text)
    return text.lower() if column.kind in ("word", "code") else text


def _reject_duplicates(table: RawTable, rows: list[Row]) -> None:
    """Of the rows with one key, reject all but the one that stays."""
    if not table.key:
        return
    same_key: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        key = tuple(row.values[name] for name in table.key)
        if table.has_key_by_day:
            others = tuple(value for value in key if not isinstance(value, datetime))
            key = (*others, row.main_time.date())
        same_key[key].append(row)
    for candidates in same_key.values():
        stays = max(candidates, key=lambda row: _precedence(table, row))
        for row in candidates:
            if row is not stays:
                row.reason = "duplicate_key"


def _precedence(table: RawTable, row: Row) -> tuple[object, ...]:
    return (
        row.values.get("loaded_at") or datetime.min,
        row.main_time,
        tuple(row.texts.get(column.name, "") for column in table.columns),
    )


def _rejection(table: RawTable, row: Row, reason: str, effect: str) -> Rejection:
    names = [column.name for column in table.columns if column.name in row.texts]
    content = {name: row.texts[name] for name in names}
    return Rejection(
        table_name=table.name,
        record_key=_record_key(table, row.texts),
        reason=reason,
        effect=effect,
        record=json.dumps(content, ensure_ascii=False),
        record_time=row.main_time,
    )


def _record_key(table: RawTable, texts: TextRow) -> str | None:
    if not table.key:
        return None
    if len(table.key) == 1:
        return texts.get(table.key[0])
    return "|".join(texts.get(name, "") for name in table.key)
