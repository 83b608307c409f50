"""Undated columns: raw columns without a time of their own, and the rows that rest on them.

They are taken as they stand in the raw data now, so a past health date may know of them what nobody
knew then: a back-test names them, and shows its results without them too.
"""

from collections import defaultdict
from dataclasses import dataclass

from orchestration.warehouse.configuration import Configuration, Row, cells

# By measure (docs/measures.md, docs/raw_tables.md). A plan, its mrr and its start come as a row of
# their own with each change, so they have a time.
MEASURES = {
    "days_to_renewal": "subscriptions.renews_at",
    "seats": "subscriptions.seats",
    "license_utilization": "subscriptions.seats",
    "reopens": "tickets.reopens",
}
DIMENSIONS = {"priority": "tickets.priority"}
# Attributes of the account, unless `account_attributes` has an entry of the name, which has a time.
SIGNALS = {
    name: f"accounts.{name}"
    for name in ("lifecycle_stage", "industry", "region", "csm_email", "parent_account_id")
}


@dataclass(frozen=True)
class UndatedRule:
    """A rule that rests on a undated column, with the rows that go when it goes."""

    file: str
    place: str
    signal_id: str
    column: str
    rows: tuple[tuple[tuple[str, str | None], ...], ...]


def undated_signals(configuration: Configuration) -> dict[str, str]:
    """Signals that rest on a undated column, and which."""
    found = dict(SIGNALS)
    for metric, row in configuration.metrics.items():
        column = MEASURES.get(row["measure"] or "") or DIMENSIONS.get(row["dimension"] or "")
        if column:
            found[metric] = column
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
