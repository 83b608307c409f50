"""`make spark`: health on a Spark cluster of this machine, held against DuckDB's row for row.

A first load, two nights, a backfill of three dates, a changed configuration, and a night in which a
worker is killed. Ends with code 1 where a published table differs. Takes half an hour.
"""

import sys
import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import click
import spark_cluster
from both_engines import Company
from changed_configuration import changed_configuration
from pipeline import ROOT

from orchestration.sample_data import write_sample

END = date(2026, 11, 22)
DAYS = 90
# Into a run; of about 140.
TABLES_BEFORE_A_WORKER_IS_LOST = 60


@click.command()
@click.option("--accounts", default=200, show_default=True, help="Accounts of the sample.")
@click.option("--workers", default=2, show_default=True, help="Workers, of a core each.")
@click.option("--many-rows", is_flag=True, help="A cluster that is set up for many rows.")
@click.option("--steps", default=6, show_default=True, help="How many of the steps.")
@click.option("--compared/--not-compared", default=True, help="Whether rows are held together.")
def main(accounts: int, workers: int, many_rows: bool, steps: int, compared: bool) -> None:
    spark_cluster.install()
    with tempfile.TemporaryDirectory(prefix="spark-") as name:
        folder = Path(name)
        write_sample(folder / "raw", accounts=accounts, days=DAYS, end_date=END)
        settings = spark_cluster.FOR_MANY_ROWS if many_rows else spark_cluster.FOR_FEW_ROWS
        with spark_cluster.running(
            folder / "cluster", workers=workers, settings_for_rows=settings
        ) as cluster:
            spark_cluster.load_raw(cluster, folder / "raw")
            company = Company(folder / "raw", folder / "company", cluster)
            company.folder.mkdir()
            print(f"{accounts} accounts, {workers} workers; {versions()}\n")
            differ = compare(company, steps, compared=compared)
    sys.exit(1 if differ else 0)


def compare(company: Company, number: int, *, compared: bool) -> bool:
    """Prints a row for each of so many steps; whether a table differs in any."""
    changed = company.folder / "changed_seeds"
    changed_configuration(ROOT / "seeds", changed, seed=1)
    other = replace(company, seeds=changed)
    steps: list[tuple[str, Company, int, int]] = [
        ("first load", company, 5, 5),
        ("a night", company, 4, 4),
        ("the next night", company, 3, 3),
        ("a backfill of three dates", company, 5, 3),
        ("a changed configuration", other, 2, 2),
        ("a night, a worker killed", other, 1, 1),
    ]
    print(
        "| step | Spark, s | CPU of its tasks, s | DuckDB, s | tables | rows | tables that differ |"
    )
    print("|---|---|---|---|---|---|---|", flush=True)
    differ = False
    loaded: Path | None = None
    for name, of_step, days_before_first, days_before_last in steps[:number]:
        first, last = (END - timedelta(days) for days in (days_before_first, days_before_last))
        if of_step.seeds != loaded:
            of_step.load_configuration()
            loaded = of_step.seeds
        on_duckdb = of_step.calculate_on_duckdb(first, last)
        tasks_before = company.cluster.task_seconds()
        if "killed" in name:
            on_spark = of_step.calculate_on_spark_and_lose_a_worker(
                first, last, TABLES_BEFORE_A_WORKER_IS_LOST
            )
        else:
            on_spark = of_step.calculate_on_spark(first, last)
        in_tasks = company.cluster.task_seconds() - tasks_before
        sentences: list[str] = []
        found = "not compared | | |"
        if compared:
            sentences, tables, rows = of_step.differences()
            wrong = sum(not sentence.startswith(" ") for sentence in sentences)
            found = f"{tables} | {rows:,} | {wrong} |"
        print(f"| {name} | {on_spark:.0f} | {in_tasks:.0f} | {on_duckdb:.0f} | {found}", flush=True)
        if sentences:
            differ = True
            print("\n".join(sentences), file=sys.stderr, flush=True)
    return differ


def versions() -> str:
    folders = [
        folder
        for name in ("pyspark", "dbt_core", "dbt_spark")
        for folder in spark_cluster.packages().glob(f"{name}-*.dist-info")
    ]
    names = [folder.stem.replace("-", " ") for folder in folders]
    return ", ".join([*names, spark_cluster.iceberg_jars()[0].stem])


if __name__ == "__main__":
    main()
