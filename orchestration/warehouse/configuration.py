"""Configuration: the rows that a health date was calculated with, as published beside it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import duckdb

from orchestration.base.dbt_project import configuration_files

Row = dict[str, str | None]


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
        return cls.of_content(version, content)

    @classmethod
    def of_content(cls, version: str, content: str) -> "Configuration":
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
    def signal_names(self) -> dict[str, str | None]:
        """The names that the configuration gives to signals."""
        attributes = self.rows("attributes")
        return {str(row["attribute_id"]): row.get("attribute_name") for row in attributes} | {
            metric: row.get("metric_name") for metric, row in self.metrics.items()
        }

    def signal_name(self, signal: str) -> str:
        """The name for people of a metric or attribute: its key as words, where it has no other."""
        return self.signal_names.get(signal) or signal.replace("_", " ")

    @cached_property
    def units(self) -> dict[str, str]:
        """The unit of each signal that has one."""
        attributes = {str(row["attribute_id"]): row["unit"] for row in self.rows("attributes")}
        metrics = {key: row["unit"] for key, row in self.metrics.items()}
        known = {"account_age_days": "days"} | attributes | metrics
        return {signal: unit for signal, unit in known.items() if unit}

    def bands(self, segment: str) -> tuple[float, float]:
        """The scores from which a segment is good and below which it is poor."""
        columns = configuration_files()["segments"].columns
        rows = [row for row in self.rows("segments") if row["segment_id"] == segment]
        band = rows[0] if rows else {}
        good_from, poor_below = (
            float(band.get(name) or columns[name]["default"])
            for name in ("good_from", "poor_below")
        )
        return good_from, poor_below

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
class RowChange:
    """A row that two configurations do not share: changed, added (no previous) or gone."""

    file: str
    previous: Row | None
    proposed: Row | None

    @property
    def row(self) -> Row:
        return self.proposed or self.previous or {}

    def text(self) -> str:
        """`pillar_weights [standard, service]: weight 10 becomes 20`."""
        place = f"{self.file} [{', '.join(cells(self.row, subject(self.file)))}]"
        if self.previous is None or self.proposed is None:
            others = [f"{name} {self.row[name]}" for name in rest(self.file, self.row)]
            return f"{place} {'added' if self.previous is None else 'gone'}: {', '.join(others)}"
        changes = [
            f"{name} {before} becomes {after}"
            for name in self.changed()
            for before in [self.previous.get(name) or "empty"]
            for after in [self.proposed.get(name) or "empty"]
        ]
        return f"{place}: {', '.join(changes)}"

    def changed(self) -> list[str]:
        """Names of the columns that differ."""
        previous, proposed = self.previous or {}, self.proposed or {}
        return [
            name for name in {**previous, **proposed} if previous.get(name) != proposed.get(name)
        ]


def subject(file: str) -> tuple[str, ...]:
    """The columns by which a person takes two rows for the same one; the rest is what it says."""
    return configuration_files()[file].subject


def cells(row: Row, columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(row.get(column) or "" for column in columns)


def rest(file: str, row: Row) -> list[str]:
    """Columns that say something beside the key."""
    return [name for name, cell in row.items() if cell is not None and name not in subject(file)]


def differences(previous: Configuration, proposed: Configuration) -> list[RowChange]:
    """The rows that the configurations do not share, by file and key."""
    found = []
    for file, described in configuration_files().items():
        if "key" not in described.meta:
            continue  # no part of the configuration of health
        key = described.subject
        gone, added = (
            sorted(one - other)
            for one, other in (
                (row_set(previous, file), row_set(proposed, file)),
                (row_set(proposed, file), row_set(previous, file)),
            )
        )
        for row in gone:
            match = next((new for new in added if is_same(dict(row), dict(new), key)), None)
            if match is not None:
                added.remove(match)
            found.append(RowChange(file, as_row(row), as_row(match) if match else None))
        found += [RowChange(file, None, as_row(row)) for row in added]
    return found


def row_set(configuration: Configuration, file: str) -> set[tuple[tuple[str, str], ...]]:
    """The rows as values that can be compared and sorted; a configuration has no row twice.

    An empty cell says what a column says that is not there: nothing.
    """
    return {
        tuple((name, cell) for name, cell in row.items() if cell)
        for row in configuration.rows(file)
    }


def as_row(pairs: tuple[tuple[str, str], ...]) -> Row:
    return dict(pairs)


def is_same(one: Row, other: Row, key: Iterable[str]) -> bool:
    return cells(one, key) == cells(other, key)
