"""Tables that Python writes into the warehouse: made where they are missing, and given new columns.

As with the tables of dbt (`macros/engine/growing_tables.sql`): rows outlive the version that
wrote them, so that a new column is added in place, null in the rows that are there, and one that is
gone or has another type stops the run.
"""

from collections.abc import Mapping

import click
import duckdb

from orchestration.base.dbt_project import variables

NOT_NULL = " not null"


def ensure_table(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]
) -> bool:
    """Make a table `schema.name`, or add the columns that it lacks; whether it was made.

    columns: type by name, with ` not null` behind it where that holds in a new table. Raises
    click.ClickException where the table has other columns than these.
    """
    schema, name = table.split(".")
    connection.execute(f"create schema if not exists {schema}")
    present = dict(
        connection.execute(
            """
            select column_name, data_type
            from duckdb_columns()
            where
                database_name = current_database()
                and schema_name = ?
                and table_name = ?
            """,
            [schema, name],
        ).fetchall()
    )
    if not present:
        listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        connection.execute(f"create table {table} ({listed})")
        return True
    wanted = types_of(connection, columns)
    if problems := differences(table, present, wanted):
        raise click.ClickException(
            f"Table {table} of the warehouse does not fit this version of account-health, and its"
            " rows outlive a run:\n  - " + "\n  - ".join(problems) + "\nIf a newer version wrote"
            " it, run that version. Otherwise back up the warehouse, and run in any DuckDB client"
            " what stands behind the column."
        )
    for column in wanted.keys() - present.keys():
        connection.execute(f"alter table {table} add column {column} {wanted[column]}")
    return False


def carry_over_renamed_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Give tables that the version before left under another name the one that they have now.

    dbt does the same as it starts, for the tables that its vars name.
    """
    tables = "select schema_name || '.' || table_name from duckdb_tables()"
    there = {table for (table,) in connection.execute(tables).fetchall()}
    for before, name in variables()["renamed_tables"].items():
        schema, _ = before.split(".")
        if before in there and f"{schema}.{name}" not in there:
            connection.execute(f"alter table {before} rename to {name}")


def types_of(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, str]) -> dict[str, str]:
    """The types as DuckDB calls them: `text` is VARCHAR."""
    nulls = ", ".join(
        f"cast(null as {kind.removesuffix(NOT_NULL)}) as {column}"
        for column, kind in columns.items()
    )
    return {row[0]: row[1] for row in connection.execute(f"describe select {nulls}").fetchall()}


def differences(table: str, present: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """What cannot be mended by adding columns, each with the statement that does."""
    return [
        f"column {column} ({kind}) is in the table only: alter table {table} drop column {column};"
        for column, kind in present.items()
        if column not in wanted
    ] + [
        f"column {column} is {present[column]} in the table and {kind} here:"
        f" alter table {table} alter column {column} type {kind};"
        for column, kind in wanted.items()
        if column in present and present[column] != kind
    ]
