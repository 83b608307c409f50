"""`python -m benchmarks.load`: companies of extreme shapes, with little memory and with enough.

A case holds when both runs end well and publish the same rows. `--scale 0.01` makes every case a
hundredth as large, to see that the cases themselves work.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import click
import duckdb
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.data import write_raw_data
from benchmarks.processes import Took, timed
from benchmarks.sizes import NIGHT, Size
from orchestration.base.settings import ROOT
from orchestration.publishing.generation import FILE
from orchestration.sample_data import write_sample

ENOUGH = "enough"
# What a run needs of a checkout.
CHECKOUT = ("orchestration", "expectations", "dbt_project", "seeds", "dagster.yaml")
NOT_COPIED = shutil.ignore_patterns("target", "logs", "__pycache__")
COPIES_OF_EVENTS = """
    copy (
        select
            'load-' || range as event_id,
            '{account}' as account_id,
            'user-' || range % 5000 as user_id,
            'feature_' || range % 40 as feature,
            'module_' || range % 8 as module,
            timestamp '{day}' + to_microseconds((range * 17) % 86400 * 1000000) as occurred_at,
            1 as event_count
        from range({first}, {end})
    ) to '{file}' (format parquet, compression zstd)
"""


@dataclass(frozen=True)
class Company:
    """A raw folder to be filled, as many times as large as the whole case; the seeds it goes by."""

    raw: Path
    scale: float
    seeds: Path

    def count(self, number: int) -> int:
        return max(1, round(number * self.scale))

    def write_events(self, account: str, day: date, first: int, end: int, name: str) -> None:
        file = self.raw / "events" / f"occurred_on={day}" / f"{name}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as connection:
            connection.execute(
                COPIES_OF_EVENTS.format(account=account, day=day, first=first, end=end, file=file)
            )


def one_large_account(company: Company) -> int:
    """One account with 5 million events in the file of one day."""
    write_sample(company.raw, accounts=20, days=40, end_date=NIGHT)
    company.write_events("acc_00001", yesterday(), 0, company.count(5_000_000), "large")
    return 1


def accounts_alone(company: Company) -> int:
    """50,000 accounts and nothing else."""
    company.raw.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            copy (
                select
                    'acc_' || range as account_id,
                    'Account ' || range as account_name,
                    timestamp '2026-01-01' + to_hours(range % 5000) as created_at
                from range({company.count(50_000)})
            ) to '{company.raw}/accounts.csv'
            """
        )
    return 1


def many_rules(company: Company) -> int:
    """5,000 rules of health: each of the starter configuration again and again, as new clauses."""
    write_sample(company.raw, accounts=20, days=40, end_date=NIGHT)
    file = company.seeds / "health_rules.csv"
    rules = pd.read_csv(file, dtype=str, keep_default_na=False)
    clauses = rules["clause"].astype(int)
    times = -(-company.count(5_000) // len(rules))
    copies = (rules.assign(clause=clauses + number * clauses.max()) for number in range(times))
    pd.concat(copies).to_csv(file, index=False)
    return 1


def many_dates(company: Company) -> int:
    """400 health dates in one run."""
    dates = company.count(400)
    write_sample(company.raw, accounts=20, days=dates + 30, end_date=NIGHT)
    return dates


def many_files(company: Company) -> int:
    """10,000 files in the folder of a day's events."""
    write_sample(company.raw, accounts=20, days=40, end_date=NIGHT)
    for number in range(company.count(10_000)):
        account = f"acc_{number % 20 + 1:05}"
        company.write_events(account, yesterday(), number * 10, number * 10 + 10, f"part_{number}")
    return 1


def many_accounts(company: Company) -> int:
    """10,000 accounts with 6 million events."""
    accounts = max(20, company.count(10_000))
    write_raw_data(
        Size("load", accounts=accounts, events=company.count(6_000_000), days=120), company.raw
    )
    return 1


def yesterday() -> date:
    return NIGHT - timedelta(days=1)


# What makes the raw folder of a case, and says how many health dates up to the night it calculates.
CASES: dict[str, Callable[[Company], int]] = {
    case.__name__: case
    for case in (
        *(one_large_account, accounts_alone, many_rules, many_dates, many_files, many_accounts),
    )
}


@click.command()
@click.option("--case", "names", type=click.Choice(list(CASES)), multiple=True, help="All if none.")
@click.option("--scale", type=click.FloatRange(min=0, min_open=True), default=1, show_default=True)
@click.option(
    "--memory-limit",
    default="500MB",
    show_default=True,
    help="HEALTH_MEMORY_LIMIT of the run that has little.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=ROOT / "data" / "benchmark" / "load",
    help="Where data and results go.  [default: data/benchmark/load]",
)
def main(names: tuple[str, ...], scale: float, memory_limit: str, folder: Path) -> None:
    """Run companies of an extreme shape; ends with exit code 1 when one does not hold."""
    folder = folder.resolve()
    console = Console()
    results = {}
    for name in names or CASES:
        console.print(f"{CASES[name].__doc__} Scale {scale:g} ...")
        results[name] = measure(CASES[name], scale, memory_limit, folder / name)
    file = folder.with_suffix(".json")
    found = {"scale": scale, "memory_limit": memory_limit, "cases": results}
    file.write_text(json.dumps(found, indent=2) + "\n")
    print_table(found, console)
    console.print(f"\nAll figures: {file}")
    if not all(result["ok"] for result in results.values()):
        raise click.exceptions.Exit(1)


def measure(case: Callable[[Company], int], scale: float, memory_limit: str, folder: Path) -> dict:
    """What both runs of a case took, and the tables whose rows differ between them."""
    shutil.rmtree(folder, ignore_errors=True)
    checkout = copied_checkout(folder / "checkout")
    dates = case(Company(folder / "raw", scale, checkout / "seeds"))
    runs: dict[str, dict] = {}
    for limit in (memory_limit, ENOUGH):
        try:
            took = run(checkout, folder, limit, dates)
        except RuntimeError as problem:
            runs[limit] = {"problem": str(problem)}
        else:
            runs[limit] = {
                "seconds": took.seconds,
                "cpu_seconds": took.cpu_seconds,
                "peak_mb": took.peak_mb,
            }
    are_done = not any("problem" in each for each in runs.values())
    different = differences(folder, memory_limit) if are_done else []
    return {"ok": are_done and not different, "runs": runs, "different_tables": different}


def copied_checkout(target: Path) -> Path:
    """What a run needs, with seeds of its own to be changed."""
    for name in CHECKOUT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=NOT_COPIED)
        else:
            shutil.copyfile(ROOT / name, target / name)
    return target


def run(checkout: Path, folder: Path, limit: str, dates: int) -> Took:
    """`health run` of the dates up to the night, in a process of its own with this limit."""
    place = folder / limit
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("HEALTH_")},
        "HEALTH_RAW_DIR": str(folder / "raw"),
        "HEALTH_DB_PATH": str(place / "warehouse.duckdb"),
        "DBT_TARGET_PATH": str(place / "target"),
        "PYTHONPATH": str(checkout),
    }
    if limit != ENOUGH:
        environment["HEALTH_MEMORY_LIMIT"] = limit
    first = NIGHT - timedelta(days=dates - 1)
    command = [sys.executable, "-m", "orchestration", "run"]
    return timed([*command, "--start", str(first), "--end", str(NIGHT)], environment, checkout)


def differences(folder: Path, memory_limit: str) -> list[str]:
    """Tables of which the two runs published other rows; when an alert was sent does not count."""
    with duckdb.connect() as connection:
        for name, limit in (("little", memory_limit), ("enough", ENOUGH)):
            file = folder / limit / "published" / FILE
            connection.execute(f"attach '{file}' as {name} (read_only)")
        partitions = [
            f"""
            select table_name, health_date, row_count, fingerprint
            from {name}.health.publication_partitions
            where table_name <> 'health_alerts'
            union all
            select 'health_alerts', health_date, count(*), cast(sum(hash(alerts)) as varchar)
            from (select * exclude (sent_at) from {name}.health.health_alerts) as alerts
            group by health_date
            """
            for name in ("little", "enough")
        ]
        rows = connection.execute(
            f"""
            select distinct table_name
            from (
                (({partitions[0]}) except ({partitions[1]}))
                union all
                (({partitions[1]}) except ({partitions[0]}))
            )
            order by table_name
            """
        ).fetchall()
    return [table for (table,) in rows]


def print_table(found: dict, console: Console) -> None:
    limit = found["memory_limit"]
    table = Table(title=f"Load, scale {found['scale']:g}: seconds, and peak memory in MB")
    for title in ("case", limit, "MB", ENOUGH, "MB", "rows"):
        table.add_column(title, justify="left" if title in ("case", "rows") else "right")
    for name, result in found["cases"].items():
        cells = []
        for each in (result["runs"][limit], result["runs"][ENOUGH]):
            failed = "problem" in each
            cells += ["failed" if failed else f"{each['seconds']:.1f}"]
            cells += ["" if failed else f"{each['peak_mb']:.0f}"]
        same = "the same" if result["ok"] else ", ".join(result["different_tables"])
        table.add_row(name, *cells, same)
    console.print(table)
    for name, result in found["cases"].items():
        for each in result["runs"].values():
            if "problem" in each:
                console.print(f"{name}: {each['problem'].splitlines()[-1]}", markup=False)


if __name__ == "__main__":
    main()
