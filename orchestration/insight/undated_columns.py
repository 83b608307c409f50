"""Undated columns: raw columns without a time of their own, and the rows that rest on them.

They are taken as they stand in the raw data now, so a past health date may know of them what nobody
knew then: a back-test names them, and shows its results without them too.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from orchestration.base.dbt_project import catalogue
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.warehouse.configuration import Configuration, Row, cells


@dataclass(frozen=True)
class UndatedRule:
    """A rule that rests on an undated column, with the rows that go when it goes."""

    file: str
    place: str
    signal_id: str
    column: str
    rows: tuple[tuple[tuple[str, str | None], ...], ...]


@cache
def undated_columns() -> frozenset[tuple[str, str]]:
    """Raw tables and their columns that YAML says to be undated."""
    return frozenset(
        (table, column)
        for table, definition in raw_definitions().items()
        for column, meta in definition.columns.items()
        if meta.get("undated")
    )


def undated_signals(configuration: Configuration) -> dict[str, str]:
    """Signals that rest on an undated column, and which."""
    # Attributes of the account, unless `account_attributes` has an entry of the name, which has a
    # time.
    found = {name: f"accounts.{name}" for table, name in undated_columns() if table == "accounts"}
    measures = {row["measure"]: row for row in catalogue("measures")}
    for metric, row in configuration.metrics.items():
        measure = measures.get(row["measure"] or "")
        rests_on = [
            (needed["table_name"], needed["column_name"])
            for needed in catalogue("measure_columns")
            if needed["measure"] == row["measure"]
        ]
        if measure and row["dimension"]:
            rests_on += [(table, row["dimension"]) for table in measure["tables"].split("|")]
        for table, column in rests_on:
            if (table, column) in undated_columns():
                found.setdefault(metric, f"{table}.{column}")
    # What compares a metric rests on what that one rests on, and on what its peers share.
    for metric, row in configuration.metrics.items():
        for signal in (row.get("base_metric"), row.get("peer_attribute")):
            if signal in found:
                found.setdefault(metric, found[signal])
    return found


def undated_rules(configuration: Configuration) -> list[UndatedRule]:
    """Rules that rest on undated columns; whole clauses, for half of one says another thing."""
    signals = undated_signals(configuration)
    found = []
    for file, key in (
        ("segment_rules", ("segment_id", "clause")),
        ("health_rules", ("segment_id", "pillar_id", "state", "clause")),
        ("score_rules", ("segment_id", "pillar_id", "signal_id")),
    ):
        clauses: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in configuration.rows(file):
            clauses[cells(row, key)].append(row)
        for place, rows in sorted(clauses.items()):
            names = [row.get(name) or "" for row in rows for name in ("signal_id", "scaled_by")]
            kept = tuple(tuple(row.items()) for row in rows)
            found += [
                UndatedRule(file, ", ".join(place), name, signals[name], kept)
                for name in dict.fromkeys(names)
                if name in signals
            ]
    return found


def without(configuration: Configuration, rules: list[UndatedRule]) -> Configuration:
    """The configuration without those rules."""
    dropped = {(rule.file, row) for rule in rules for row in rule.rows}
    files = {
        file: [row for row in rows if (file, tuple(row.items())) not in dropped]
        for file, rows in configuration.files.items()
    }
    return Configuration(f"{configuration.version} without undated columns", files)
