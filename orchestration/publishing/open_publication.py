"""Snapshot: one publication, as all queries of a reader see it that stays while others follow."""

import threading
from collections.abc import Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any

import click

from orchestration.base.settings import Settings
from orchestration.warehouse.as_of import publication_as_of
from orchestration.warehouse.configuration import Configuration
from orchestration.warehouse.connections import Warehouse
from orchestration.warehouse.published import Row, Values, nothing_there, opened_locked, rows_of


class Snapshot:
    """A publication that stays as it is, however often another is published meanwhile.

    day: as of that health date; the latest without it.
    """

    def __init__(self, settings: Settings, day: date | None = None) -> None:
        self.settings = settings
        file = settings.published_file.resolve()
        self.connection = publication_as_of(file, day) if day else opened_locked(file)
        self.is_latest = day is None
        self._kept: dict[tuple[object, ...], list[Row]] = {}
        [publication] = self.rows(
            "select run_id, published_at, first_health_date, last_health_date, config_version,"
            " product_version from health.publication"
        )
        self.run_id: str = publication["run_id"]
        self.published_at: datetime = publication["published_at"]
        self.first_date: date = publication["first_health_date"]
        self.last_date: date = publication["last_health_date"]
        self.config_version: str = publication["config_version"]
        self.product_version: str = publication["product_version"]

    @property
    def key(self) -> str:
        """Tells this publication from every other."""
        return f"{self.run_id}.{self.published_at:%Y%m%d%H%M%S%f}"

    def rows(self, sql: str, values: Values = ()) -> list[Row]:
        return rows_of(self.connection, sql, values)

    def kept(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """The same, asked once of a publication: for what no address of a page changes."""
        asked = (sql, *values)
        if asked not in self._kept:
            self._kept[asked] = self.rows(sql, values)
        return self._kept[asked]

    def value(self, sql: str, values: Values = ()) -> Any:
        """The one value of a query with one row and one column."""
        [row] = self.rows(sql, values)
        [found] = row.values()
        return found

    def has(self, table: str) -> bool:
        return Warehouse(self.connection.cursor()).has(f"health.{table}")

    @cached_property
    def dates(self) -> list[date]:
        return [
            row["health_date"]
            for row in self.rows(
                "select distinct health_date from health.account_health_history order by all"
            )
        ]

    def date_up_to(self, asked: date | None, otherwise: date) -> date:
        """The date of the history that is asked for, or the last one before it."""
        if asked is None:
            return otherwise
        return max((one for one in self.dates if one <= asked), default=self.dates[0])

    @cached_property
    def configuration(self) -> Configuration:
        """That of the latest health date."""
        return Configuration.of_version(self.connection.cursor(), self.config_version)


class Publications:
    """The present publication, opened again when a run has published another one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._identity: tuple[int, ...] = ()
        self._snapshot: Snapshot | None = None

    def present(self) -> Snapshot:
        """A page takes it once. Who has an older one keeps that until the page is done."""
        file = self.settings.published_file
        with self._lock:
            try:
                found = file.stat()
            except FileNotFoundError as problem:
                raise click.ClickException(nothing_there(self.settings)) from problem
            identity = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
            if self._snapshot is None or identity != self._identity:
                self._snapshot = Snapshot(self.settings)
                self._identity = identity
            return self._snapshot
