"""`python -m benchmarks.runs`: what `health run` costs beside its calculation.

A long range of few accounts, where everything that is done for each date counts, and a single date,
where starting counts.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.processes import timed
from benchmarks.sizes import NIGHT
from orchestration.base.settings import ROOT
from orchestration.sample_data import write_sample

CALCULATION = "calculation"
# What is shown of a run, by the beginnings of its phases.
PARTS = {
    CALCULATION: ("Calculating", "Copying from Spark"),
    "checks of results": (
        *("Checking pillars", "Checking health"),
        *("Writing what the checks say", "Writing the Data Docs"),
    ),
    "recording what was built": ("Recording",),
    "publishing": ("Publishing",),
    "checks of raw": ("Checking raw",),
    "starting, loading": ("Starting", "Loading"),
    "alerts": ("Sending",),
}
# Below the calculation at as many dates as this.
COMPARED = ("checks of results", "recording what was built", "publishing")
REFUSE = (
    "import pathlib, sys; from orchestration.dbt_runner import wrong_configuration as it;"
    " it.refuse_wrong_configuration(pathlib.Path(sys.argv[1]))"
)


@click.command()
@click.option("--accounts", type=click.IntRange(min=1), default=150, show_default=True)
@click.option(
    "--dates",
    type=click.IntRange(min=1),
    default=672,
    show_default=True,
    help="Health dates of the range.",
)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=ROOT / "data" / "benchmark" / "runs",
    help="Where data and results go.  [default: data/benchmark/runs]",
)
def main(accounts: int, dates: int, repeats: int, folder: Path) -> None:
    """Measure a range of many dates in one run, then single dates after it."""
    folder = folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    write_sample(folder / "raw", accounts=accounts, days=dates + 60, end_date=NIGHT)
    environment = {
        **os.environ,
        "HEALTH_RAW_DIR": str(folder / "raw"),
        "HEALTH_DB_PATH": str(folder / "warehouse.duckdb"),
        "HEALTH_PUBLISHED_DIR": str(folder / "published"),
        "HEALTH_STATE_DIR": str(folder / "state"),
        "DBT_TARGET_PATH": str(folder / "target"),
    }
    console = Console()
    console.print(f"{dates} dates of {accounts} accounts ...")
    day = timedelta(days=1)
    long = run(environment, NIGHT - dates * day, NIGHT - day)
    console.print(f"One date, {repeats} times ...")
    single = [run(environment, NIGHT, NIGHT) for _ in range(repeats)]
    result = {
        "accounts": accounts,
        "dates": dates,
        "range": long,
        "range_ratios": {
            part: long["seconds"][part] / long["seconds"][CALCULATION] for part in COMPARED
        },
        "one_date": {
            name: {
                part: statistics.median(each[name][part] for each in single)
                for part in single[0][name]
            }
            for name in ("seconds", "cpu_seconds")
        },
        "one_date_dbt_cpu_seconds": statistics.median(one["dbt_cpu_seconds"] for one in single),
        "wrong_configuration_seconds": wrong_configuration_seconds(folder),
        "load": os.getloadavg()[0],
    }
    file = folder.with_suffix(".json")
    file.write_text(json.dumps(result, indent=2) + "\n")
    print_table(result, console)
    console.print(f"\nAll figures: {file}")


def run(environment: dict[str, str], first: date, last: date) -> dict:
    """Seconds and seconds of CPU of each part of a run, and what all of it took."""
    command = [sys.executable, "-m", "benchmarks.phases", str(first), str(last)]
    process = timed(command, environment, ROOT)
    found = json.loads(process.output.splitlines()[-1])
    parts = {
        name: {
            part: sum(
                took[name] for phase, took in found["phases"].items() if phase.startswith(phases)
            )
            for part, phases in PARTS.items()
        }
        for name in ("seconds", "cpu_seconds")
    }
    parts["seconds"]["whole process"] = process.seconds
    parts["cpu_seconds"]["whole process"] = process.cpu_seconds
    return {**parts, "dbt_cpu_seconds": found["dbt_cpu_seconds"]}


def wrong_configuration_seconds(folder: Path) -> float:
    """How long it takes, from the start of a process, until a wrong row is named."""
    seeds = folder / "seeds"
    shutil.copytree(ROOT / "seeds", seeds)
    with (seeds / "metrics.csv").open("a") as file:
        file.write("odd,,nowhere,mrr,,,,,\n")
    started = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-c", REFUSE, str(seeds)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    if "nowhere, which is unknown" not in process.stderr:
        raise click.ClickException(f"The wrong row was not named:\n{process.stderr}")
    return seconds


def print_table(result: dict, console: Console) -> None:
    table = Table(title=f"{result['accounts']} accounts: seconds, and seconds of CPU without dbt")
    table.add_column("what")
    columns = [(f"{result['dates']} dates", "range"), ("one date", "one_date")]
    for title, _ in columns:
        table.add_column(title, justify="right")
        table.add_column("CPU", justify="right")
    for part in result["range"]["seconds"]:
        cells = (
            f"{result[of][name][part]:.1f}"
            for _, of in columns
            for name in ("seconds", "cpu_seconds")
        )
        table.add_row(part, *cells)
    console.print(table)
    for part, ratio in result["range_ratios"].items():
        console.print(f"  {part} / {CALCULATION}: {ratio:.2f}")
    console.print(
        f"  a wrong configuration is told in: {result['wrong_configuration_seconds']:.1f} s"
    )


if __name__ == "__main__":
    main()
