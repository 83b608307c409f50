"""Dagster's event log in SQLite, fast enough for a run of four hundred assets and checks.

Dagster opens a new connection for each statement, and each closing writes the log through to the
disk: 25 to 60 ms an event. Here the files that are in use stay open, and events that come together
(the partitions of an asset in a backfill) are stored in one transaction.
"""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from dagster import EventLogEntry
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log import SqlEventLogStorageTable, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetKeyTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.pool import StaticPool

OPEN_FILES = 8  # the index and the runs that were looked at last
BUSY_SECONDS = 60


class OpenEventLog(SqliteEventLogStorage):
    """SqliteEventLogStorage with its connections kept open; for `dagster.yaml`."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._held: dict[str, Connection] = {}
        self._tables: set[str] = set()
        self._asset_columns: set[str] = set()
        super().__init__(base_dir, inst_data)
        # A batch connects again within its transaction.
        self._db_lock: Any = threading.RLock()

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "OpenEventLog":
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            if shard in self._held:
                yield self._held[shard]
                return
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    @contextmanager
    def _holding(self, *shards: str) -> Iterator[None]:
        """One transaction for all that this thread writes to the files meanwhile."""
        with self._db_lock, ExitStack() as transactions:
            try:
                for shard in shards:
                    self._held[shard] = transactions.enter_context(self._connect(shard))
                yield
            finally:
                self._held.clear()

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run in one transaction, as `store_event` would one by one.

        What is kept of an asset beside its events is what the latest of each kind says.
        """
        [run_id] = {entry.run_id for entry in events}
        by_kind: dict[Any, list[EventLogEntry]] = {}
        for entry in events:
            by_kind.setdefault(entry.dagster_event_type, []).append(entry)
        with self._holding(run_id, INDEX_SHARD_NAME):
            for kind, entries in by_kind.items():
                if kind in ASSET_EVENTS:
                    self._store_asset_events(run_id, entries)
                else:
                    for entry in entries:
                        self.store_event(entry)

    def _store_asset_events(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        rows = [self._event_to_row(entry) for entry in events]
        insert = SqlEventLogStorageTable.insert()
        with self.run_connection(run_id) as connection:
            connection.execute(insert, rows)
        with self.index_connection() as connection:
            returning = insert.returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
            ids = list(connection.scalars(returning, rows))
            self._store_asset_event_tags(connection, events, ids)
            latest = {row["asset_key"]: place for place, row in enumerate(rows)}
            for place in latest.values():
                self._store_asset_event(connection, events[place], ids[place])

    def has_table(self, table_name: str) -> bool:
        """Asked for each event, with a connection of its own; once there, a table stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        """Asked for each event as well."""
        if column_name not in self._asset_columns:
            columns = inspect(conn).get_columns(AssetKeyTable.name)
            self._asset_columns = {column["name"] for column in columns}
        return column_name in self._asset_columns

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                # One thread at a time: every use is under `_db_lock`.
                connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            )
            event.listen(engine, "connect", spare_the_disk)
            self._engines[shard] = engine
        self._engines.move_to_end(shard)
        while len(self._engines) > OPEN_FILES:
            self._engines.popitem(last=False)[1].dispose()
        return self._engines[shard]

    def dispose(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
        super().dispose()


def spare_the_disk(connection: sqlite3.Connection, _record: Any) -> None:
    """With a write-ahead log this loses the last events at worst, and only when power fails."""
    connection.execute("pragma synchronous = normal")
