"""The command `health register`: Parquet files as a raw table of a Spark cluster."""

import click

from orchestration.base import escaping
from orchestration.base.figures import plural
from orchestration.base.settings import Settings
from orchestration.dbt_runner.dbt_macros import DbtMacros
from orchestration.raw_reader.definitions import raw_definitions
from orchestration.warehouse import spark_raw
from orchestration.warehouse.run_lock import write_lock
from orchestration.warehouse.spark import connected


@click.command()
@click.argument("table")
@click.argument("path")
def register(table: str, path: str) -> None:
    """Make Parquet files a raw table of a Spark cluster.

    TABLE is the name of a raw table, PATH a folder or a file that the cluster can read. The files
    stay where they are, and files that are added later are read as well. What was registered before
    is replaced; a table that was made otherwise is left alone.

    \b
    Example:
      health register events s3a://bucket/raw/events
    """
    settings = Settings.from_environment()
    if not settings.is_on_spark:
        raise click.ClickException(
            "HEALTH_TARGET is not spark: on DuckDB the files of HEALTH_RAW_DIR are read as they"
            " are."
        )
    definitions = raw_definitions()
    if table not in definitions:
        raise click.ClickException(
            f"There is no raw table {escaping.line(table)}; there are {', '.join(definitions)}."
        )
    with connected() as session:
        spark_raw.refuse_foreign(session, table)
        files = spark_raw.parquet_files(session, path)
        types = {name.lower(): kind.lower() for name, kind in files.types.items()}
        macros = DbtMacros(session, engine="spark")
        if problems := macros.problems_of_raw_columns(table, types):
            raise click.ClickException(
                f"{escaping.line(path)} cannot be raw.{table}: {'; '.join(problems)}."
            )
        with write_lock(settings):
            rows = spark_raw.register(session, table, files)
    known = definitions[table].columns
    click.echo(f"raw.{table} reads {escaping.line(path)}: {plural(rows, 'row')}.")
    for words, names in (
        ("Columns read", [name for name in known if name in types]),
        ("Columns ignored", [name for name in types if name not in known]),
        ("Columns that are not there", [name for name in known if name not in types]),
    ):
        if names:
            click.echo(f"{words}: {escaping.line(', '.join(names))}.")
