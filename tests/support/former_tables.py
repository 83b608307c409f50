"""The tables of a version as they stand: what the tests of upgrades make a former warehouse from.

Before a version is tagged, with a warehouse that it calculated and published:

    cd tests/support && ../../.venv/bin/python former_tables.py ../../data/warehouse.duckdb 0.2.0
"""

import json
import sys
from pathlib import Path

import duckdb
from pipeline import PROJECT, ROOT

FOLDER = ROOT / "tests" / "upgrades"
WRITTEN_BY_PYTHON = ("checks", "operations")


def tables_of(file: Path) -> dict[str, dict[str, str]]:
    """Columns by table: their types, with ` not null` behind them where that holds."""
    found: dict[str, dict[str, str]] = {}
    with duckdb.connect(str(file), read_only=True) as connection:
        rows = connection.execute(
            """
            select
                schema_name || '.' || table_name,
                column_name,
                data_type || if(is_nullable, '', ' not null')
            from duckdb_columns()
            inner join duckdb_tables() using (database_name, schema_name, table_name)
            where not starts_with(table_name, 'publication')
            order by 1, column_index
            """
        ).fetchall()
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


def outlives_runs(table: str) -> bool:
    """Whether rows of earlier runs are in it, or readers know it: others are made by each run."""
    schema, name = table.split(".")
    return schema in ("health", *WRITTEN_BY_PYTHON) or any(
        "materialized='incremental'" in path.read_text(encoding="utf-8")
        for path in (PROJECT / "models").rglob(f"{name}.sql")
    )


def main(warehouse: str, version: str) -> None:
    kept = {
        table: columns
        for table, columns in tables_of(Path(warehouse)).items()
        if outlives_runs(table)
    }
    text = json.dumps(kept, indent=2) + "\n"
    (FOLDER / f"{version}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
