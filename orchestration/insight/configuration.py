"""Configuration: the rows that a health date was calculated with, as the warehouse published them."""

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import duckdb

Row = dict[str, str | None]

GOOD_FROM, POOR_BELOW = 6.66, 3.34  # bands of a segment that names none (contract: health.md, 5)


@dataclass(frozen=True)
class Configuration:
    """One configuration: its rows by file, every cell a text or null."""

    version: str
    files: dict[str, list[Row]]

    @classmethod
    def of_version(cls, connection: duckdb.DuckDBPyConnection, version: str) -> "Configuration":
        [(content,)] = connection.execute(
            "select config from health.health_config_versions where config_version = ?", [version]
        ).fetchall()
        return cls(version, json.loads(content))

    def rows(self, file: str) -> list[Row]:
        return self.files.get(file, [])

    @cached_property
    def pillars(self) -> list[str]:
        """Pillars in the order in which they are shown."""
        rows = sorted(self.rows("pillars"), key=lambda row: float(row["display_order"] or 0))
        return [str(row["pillar_id"]) for row in rows]

    @cached_property
    def pillar_names(self) -> dict[str, str]:
        names = {str(row["pillar_id"]): row["pillar_name"] for row in self.rows("pillars")}
        return {key: name or key for key, name in names.items()} | {"overall": "Overall"}

    @cached_property
    def segment_names(self) -> dict[str, str]:
        rows = self.rows("segments")
        return {
            str(row["segment_id"]): row["segment_name"] or str(row["segment_id"]) for row in rows
        }

    @cached_property
    def metrics(self) -> dict[str, Row]:
        return {str(row["metric_id"]): row for row in self.rows("metrics")}

    @cached_property
    def units(self) -> dict[str, str]:
        """The unit of each signal that has one."""
        attributes = {str(row["attribute_id"]): row["unit"] for row in self.rows("attributes")}
        metrics = {key: row["unit"] for key, row in self.metrics.items()}
        known = {"account_age_days": "days"} | attributes | metrics
        return {signal: unit for signal, unit in known.items() if unit}

    def bands(self, segment: str) -> tuple[float, float]:
        """The scores from which a segment is good and below which it is poor."""
        for row in self.rows("segments"):
            if row["segment_id"] == segment:
                good, poor = row["good_from"], row["poor_below"]
                return float(good or GOOD_FROM), float(poor or POOR_BELOW)
        return GOOD_FROM, POOR_BELOW

    def score_weights(self, segment: str, pillar: str) -> dict[str, float]:
        """The weight of each score rule, by its signal."""
        return {
            str(row["signal_id"]): float(row["weight"] or 1)
            for row in self.rows("score_rules")
            if (row["segment_id"], row["pillar_id"]) == (segment, pillar)
        }

    def has_health_rules(self, segment: str, pillar: str) -> bool:
        return any(
            (row["segment_id"], row["pillar_id"]) == (segment, pillar)
            for row in self.rows("health_rules")
        )


@dataclass(frozen=True)
class RowDifference:
    """Rows of a file that only one of two configurations has."""

    file: str
    row: Row
    is_added: bool


def differences(former: Configuration, latter: Configuration) -> list[RowDifference]:
    """What was taken out of the former configuration, and what the latter adds, by file."""
    found = []
    for file in sorted({*former.files, *latter.files}):
        counts = [Counter(map(row_key, side.rows(file))) for side in (former, latter)]
        for one, other, is_added in ((*counts, False), (*reversed(counts), True)):
            for key in sorted((one - other).elements(), key=str):
                found.append(RowDifference(file, dict(key), is_added))
    return found


def row_key(row: Row) -> tuple[tuple[str, str | None], ...]:
    return tuple(row.items())


def row_text(row: Row) -> str:
    """A row as its file shows it: its cells, without those that are empty at the end."""
    return ",".join(cell or "" for cell in row.values()).rstrip(",")
