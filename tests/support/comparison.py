"""Compares the published tables of a warehouse with expected ones, row for row, in plain words.

Both sides are brought to the same form first: null is null whatever it is called, numbers have six
decimals, times are UTC. Rows meet by the key of their table; rows with equal keys as multisets.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd

KEYS: dict[str, tuple[str, ...]] = {
    "account_health": ("account_id",),
    "account_health_history": ("health_date", "account_id"),
    "pillar_health_history": ("health_date", "account_id", "pillar_id"),
    "pillar_metrics_history": ("health_date", "account_id", "metric_id"),
    "segment_membership": ("health_date", "account_id", "segment_id"),
    "health_explanations": (
        *("health_date", "account_id", "segment_id", "pillar_id", "rule_set"),
        *("clause", "signal_id", "operator", "threshold", "scaled_by"),
    ),
    "not_calculated_accounts": ("health_date", "account_id", "pillar_id"),
    "rejected_records": ("table_name", "record_key", "reason", "effect", "record"),
    "source_status": ("health_date", "table_name"),
    "raw_files": ("file",),
    "health_changes": ("health_date", "account_id", "pillar_id"),
    "portfolio_health_history": (
        *("health_date", "csm_email", "segment_id", "pillar_id", "state"),
    ),
    "segment_health_history": ("health_date", "segment_id", "pillar_id", "state"),
    "milestone_progress": ("account_id", "segment_id", "milestone_id"),
    "account_risk": ("account_id",),
    "user_adoption": ("account_id", "user_id"),
    "feature_adoption": ("account_id", "module", "feature"),
    "threshold_calibration": (
        *("segment_id", "pillar_id", "rule_set", "clause", "signal_id", "operator", "threshold"),
    ),
    "pillar_health": ("account_id", "pillar_id"),
    "account_properties": ("account_id", "property_id"),
    "account_rollup_history": ("health_date", "parent_account_id", "pillar_id"),
    "health_alerts": ("health_date", "alert_id", "account_id", "pillar_id"),
}
# Texts that hold JSON, whose lists are sets: equal when they hold the same.
JSON_COLUMNS = (
    *("flipped_conditions", "risk_tags", "confidence_tags", "tag_notes"),
    *("columns_read", "columns_ignored"),
)
# Two calculations need not agree on how a configuration is hashed.
IGNORED_COLUMNS = ("config_version",)
EXPLANATION_DAYS = 14
ABSOLUTE_TOLERANCE = 1.5e-6
# Large sums of doubles differ in their last digits with the order of summing.
RELATIVE_TOLERANCE = 1e-9
# Columns of text that may hold a number "as a person would write" it: no exponent, no 5.0.
WRITTEN_NUMBERS = ("observed", "threshold", "resolved_threshold")
PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
    r"(Z| UTC|[+-][0-9]{2}(:?[0-9]{2})?)?"
)

Value = str | float | bool | None
Row = dict[str, Value]
Key = tuple[Value, ...]


def differences(
    expected: Mapping[str, pd.DataFrame],
    connection: duckdb.DuckDBPyConnection,
    *,
    schema: str = "health",
    limit: int = 10,
) -> list[str]:
    """What differs between `expected` and the warehouse: at most `limit` sentences a table.

    Empty when they are the same. Only the tables of `expected` that are listed in KEYS are read.
    """
    unknown = sorted(set(expected) - set(KEYS))
    if unknown:
        raise ValueError(f"no key is known for {', '.join(unknown)}")
    since = _first_explained_date(expected)
    sentences = []
    for table, frame in expected.items():
        found = list(_table_differences(table, frame, connection, schema, since))
        sentences += found[:limit]
        if len(found) > limit:
            sentences.append(f"{table}: {len(found) - limit} more differences")
    return sentences


def _first_explained_date(expected: Mapping[str, pd.DataFrame]) -> str:
    """The first date whose explanations are kept, seen from the latest health date expected."""
    dates = [
        str(_normalised("health_date", value))
        for frame in expected.values()
        if "health_date" in frame
        for value in frame["health_date"].dropna()
    ]
    if not dates:
        return ""
    return str(date.fromisoformat(max(dates)) - timedelta(days=EXPLANATION_DAYS - 1))


def _table_differences(
    table: str,
    frame: pd.DataFrame,
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    since: str,
) -> Iterator[str]:
    present = connection.execute(
        "select column_name, data_type from information_schema.columns"
        " where table_catalog = current_database() and table_schema = ? and table_name = ?"
        " order by ordinal_position",
        [schema, table],
    ).fetchall()
    if not present:
        yield f"{table}: the table is missing"
        return
    expected_columns = [name for name in frame.columns if name not in IGNORED_COLUMNS]
    columns = [name for name, _ in present if name not in IGNORED_COLUMNS]
    for name in expected_columns:
        if name not in columns:
            yield f"{table}: column {name} is missing"
    for name in columns:
        if name not in expected_columns:
            yield f"{table}: column {name} is surplus"
    common = [name for name in expected_columns if name in columns]
    key = [name for name in KEYS[table] if name in common]
    if not key:
        return
    types = dict(present)
    selected = ", ".join(_selected(name, types[name]) for name in common)
    rows = connection.execute(f'select {selected} from "{schema}"."{table}"').fetchall()
    expected_rows = zip(*(frame[name].tolist() for name in common), strict=True)
    expected_by_key = _by_key(key, common, expected_rows)
    got_by_key = _by_key(key, common, rows)
    for place in sorted({*expected_by_key, *got_by_key}, key=repr):
        if table == "health_explanations" and key[0] == "health_date" and str(place[0]) < since:
            continue
        name = ", ".join(f"{n}={_shown(v)}" for n, v in zip(key, place, strict=True))
        yield from _row_differences(
            f"{table}: {name}", expected_by_key.get(place, []), got_by_key.get(place, [])
        )


def _selected(column: str, data_type: str) -> str:
    """The column, with a time zone turned to UTC without one, which needs no zone database."""
    if data_type == "TIMESTAMP WITH TIME ZONE":
        return f"\"{column}\" at time zone 'UTC'"
    return f'"{column}"'


def _by_key(
    key: Sequence[str], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> dict[Key, list[Row]]:
    """The rows by their key. A written number in a key counts as its value, however written."""
    by_key: dict[Key, list[Row]] = defaultdict(list)
    for values in rows:
        row = {name: _normalised(name, value) for name, value in zip(columns, values, strict=True)}
        if row.get("signal_id") == "tag" and isinstance(row.get("observed"), str):
            row["observed"] = "|".join(sorted(re.findall(r'[^\s,|"\[\]]+', str(row["observed"]))))
        by_key[tuple(_key_value(name, row[name]) for name in key)].append(row)
    return by_key


def _key_value(column: str, value: Value) -> Value:
    return _plain(value) if column in WRITTEN_NUMBERS and isinstance(value, str) else value


def _plain(text: str) -> str:
    """A number as a person would write it; any other text as it stands."""
    if not NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        return text
    return f"{round(float(text), 6) + 0.0:.6f}".rstrip("0").rstrip(".")


def _row_differences(place: str, expected: list[Row], got: list[Row]) -> Iterator[str]:
    """Rows with one key: those that are equal pair off first, the others as they come."""
    surplus = list(got)
    missing = []
    for row in expected:
        twin = next((other for other in surplus if not _unequal_columns(row, other)), None)
        if twin is None:
            missing.append(row)
        else:
            surplus.remove(twin)
    for row, other in zip(missing, surplus, strict=False):
        for column in _unequal_columns(row, other):
            values = f"expected {_shown(row[column])}, got {_shown(other[column])}"
            yield f"{place}: column {column}: {values}"
    paired = min(len(missing), len(surplus))
    for row in missing[paired:]:
        yield f"{place}: the row is missing: {_shown_row(row)}"
    for row in surplus[paired:]:
        yield f"{place}: the row is surplus: {_shown_row(row)}"


def _unequal_columns(expected: Row, got: Row) -> list[str]:
    return [column for column in expected if not _equal(column, expected[column], got[column])]


def _equal(column: str, expected: Value, got: Value) -> bool:
    if type(expected) is type(got) and expected == got:
        return True
    if isinstance(expected, float) and isinstance(got, float):
        tolerance = max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * abs(expected))
        return abs(expected - got) <= tolerance
    if column in WRITTEN_NUMBERS and isinstance(expected, str) and isinstance(got, str):
        are_plain = PLAIN_NUMBER.fullmatch(expected) and PLAIN_NUMBER.fullmatch(got)
        return bool(are_plain) and _equal("", float(expected), float(got))
    return False


def _normalised(column: str, value: Any) -> Value:
    """One form for a value, wherever it comes from."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if hasattr(value, "item"):
        value = value.item()
    if column == "record":
        return _normalised_record(value)
    if column in JSON_COLUMNS:
        return _normalised_json(str(value))
    if column == "problem":
        # What is wrong is told in words, which two calculations need not share.
        return "a problem"
    if column == "record_key":
        return "|".join(_content_text(part) or "" for part in str(value).split("|"))
    if column == "clause":
        return _plain(str(value))
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        number = float(value)
        return None if math.isnan(number) else round(number, 6) + 0.0
    if isinstance(value, datetime):
        return _time_text(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _time_text(moment: datetime) -> str:
    """The UTC time as ISO text; midnight as its date, so that a date equals its 00:00."""
    naive = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    naive = datetime.combine(naive.date(), naive.time())
    is_midnight = naive == datetime.combine(naive.date(), datetime.min.time())
    return naive.date().isoformat() if is_midnight else naive.isoformat()


def _normalised_record(value: Any) -> str:
    """The content of a raw row as sorted JSON of trimmed texts, without nulls and loaded_at."""
    try:
        content = value if isinstance(value, Mapping) else json.loads(value)
    except ValueError:
        return f"no JSON: {value}"
    texts = {name: _content_text(cell) for name, cell in content.items() if name != "loaded_at"}
    filled = {name: text for name, text in texts.items() if text is not None}
    return json.dumps(filled, sort_keys=True, ensure_ascii=False)


def _normalised_json(text: str) -> str:
    """The JSON with its keys, and the items of a list, in order."""
    content = json.loads(text)
    if isinstance(content, list):
        content = sorted(content, key=lambda item: json.dumps(item, sort_keys=True))
    return json.dumps(content, sort_keys=True, ensure_ascii=False)


def _content_text(cell: Any) -> str | None:
    """The trimmed text of a raw value. How typed values are written as text is left open.

    Times and numbers with a fraction or an exponent meet in one spelling. Whole numbers stay as
    they are, because ids are text: 007 is not 7.
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    text = str(cell).strip()
    if TIMESTAMP.fullmatch(text):
        return _timestamp_text(text)
    return (text if text.lstrip("-").isdigit() else _plain(text)) or None


def _timestamp_text(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.replace(" UTC", "Z").replace(" ", "T", 1))
        return _time_text(moment)
    except (ValueError, OverflowError):
        return text


def _shown(value: Value) -> str:
    if value is None:
        return "null"
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _shown_row(row: Row) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in row.items() if value is not None)
