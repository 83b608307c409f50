"""What dbt does around opening the warehouse (`plugins` in profiles.yml).

DuckDB makes the file but not the folder that it lies in, and nothing within dbt runs before the
connection is there.
"""

from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from orchestration.base import private_files
from orchestration.base.settings import Settings
from orchestration.raw_reader.functions import add_functions


class Plugin(BasePlugin):
    """Makes the folder of the warehouse, and gives each connection the reader of raw files."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        if self.creds is None:
            return
        private_files.begin()  # where dbt runs alone, nobody else has said so
        folder = Path(self.creds.path).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise DbtRuntimeError(
                f"The folder {folder} of the warehouse cannot be made: {problem.strerror}."
                " Set HEALTH_DB_PATH to a file in a folder that can be written."
            ) from problem

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        settings = Settings.from_environment()
        add_functions(conn, settings.state, settings.erasures)
