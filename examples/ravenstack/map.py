"""Run map.sql on the company's folder of CSV files and say how many rows each raw table got."""

from pathlib import Path

import click
import duckdb

MAPPING = Path(__file__).with_name("map.sql")


@click.command()
@click.option("--source", required=True, type=click.Path(exists=True, file_okay=False))
@click.option("--target", required=True, type=click.Path(file_okay=False, path_type=Path))
def main(source: str, target: Path) -> None:
    """Map the CSV files in the folder SOURCE into raw tables in the folder TARGET."""
    target.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("set variable source = $folder", {"folder": source})
        connection.execute("set variable target = $folder", {"folder": str(target)})
        try:
            connection.execute(MAPPING.read_text())
        except duckdb.Error as problem:
            raise click.ClickException(str(problem)) from problem
        for file in sorted(target.glob("*.parquet")):
            rows = len(connection.read_parquet(str(file)))
            click.echo(f"{file.stem:20}{rows:>7,} rows")


if __name__ == "__main__":
    main()
