"""Gives each of dbt's connections the functions of the reader (`profiles.yml`, plugins)."""

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from orchestration.raw_reader.functions import add_functions
from orchestration.settings import Settings


class Plugin(BasePlugin):
    """Loaded by dbt-duckdb when it opens the warehouse."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        add_functions(conn, Settings.from_environment().state)
