"""`python -m benchmarks`: make data of a size, run the pipeline and its rivals, print the times."""

import json
import os
import platform
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import click
import duckdb
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks import usual_dbt
from benchmarks.data import write_raw_data
from benchmarks.pipeline import PROJECT, Pipeline, replayed, write_project
from benchmarks.processes import timed
from benchmarks.rivals import RIVALS, write_found
from benchmarks.sizes import NIGHT, SIZES, Size

ROOT = Path(__file__).resolve().parent.parent
OURS, OUR_SQL, USUAL = "nightly run, whole process", "nightly run, SQL alone", "usual dbt project"


def times(option: str, help_text: str) -> Callable:
    """An option that says how many times there is of something, once unless it is asked for."""
    name = option.removeprefix("--") + "_times"
    kind = click.IntRange(min=1)
    return click.option(option, name, type=kind, default=1, show_default=True, help=help_text)


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="XS", show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@times("--history", "So many times the days of events, with as many a day.")
@times("--events", "So many times the events a day, of as many accounts.")
@times("--rules", "Every health rule so many times, with the same states.")
@click.option(
    "--dates",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Health dates that are there before the night.",
)
@click.option("--backfill", type=int, default=0, help="Dates to calculate in one run, at the end.")
@click.option(
    "--without",
    type=click.Choice([*RIVALS, USUAL], case_sensitive=False),
    multiple=True,
    help="A rival to leave out; may be given again.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=ROOT / "data" / "benchmark",
    help="Where data and results go.  [default: data/benchmark]",
)
def main(
    size: str,
    repeats: int,
    history_times: int,
    events_times: int,
    rules_times: int,
    dates: int,
    backfill: int,
    without: tuple[str, ...],
    folder: Path,
) -> None:
    """Measure the pipeline against its rivals.

    Rivals take turns; a time is the median of the repeats and counts only when the rival found the
    same metrics and states as the pipeline.
    """
    more = {
        "history": history_times,
        "events": events_times,
        "rules": rules_times,
        "dates": dates,
    }
    name = "-".join([size, *(f"{what}-{number}" for what, number in more.items() if number > 1)])
    asked = replace(SIZES[size], events=SIZES[size].events * events_times, health_dates=dates)
    days = asked.days * history_times
    folder = folder.resolve()  # dbt runs in another one
    project = PROJECT if rules_times == 1 else write_project(folder / name, rules_times)
    result = measure(
        asked, days, repeats, backfill, set(without), folder / name, Console(), project=project
    )
    file = folder / f"{name}.json"
    file.write_text(json.dumps(result, indent=2) + "\n")
    print_table(result, Console())
    click.echo(f"\nAll figures: {file}")


def measure(
    size: Size,
    days: int,
    repeats: int,
    backfill: int,
    without: set[str],
    folder: Path,
    console: Console,
    *,
    project: Path,
) -> dict:
    """Everything that is measured at one size, with events on so many days."""
    raw = folder / "raw"
    if not (folder / "raw.done").exists():
        events = size.events_a_day * days
        console.print(f"Making {events:,} events of {size.accounts:,} accounts ...")
        shutil.rmtree(raw, ignore_errors=True)
        write_raw_data(size, raw, days=days)
        (folder / "raw.done").touch()
    pipeline = Pipeline(raw, folder / "warehouse.duckdb", folder / "target", project)
    pipeline.warehouse.unlink(missing_ok=True)
    day = timedelta(days=1)
    console.print("First load ...")
    first = pipeline.build(NIGHT - size.health_dates * day, NIGHT - day)
    before = folder / "before_the_night.duckdb"
    shutil.copyfile(pipeline.warehouse, before)

    took: dict[str, list[float]] = {}
    peaks: dict[str, float] = {}
    models: list[dict[str, float]] = []
    rivals = [rival for rival in (*RIVALS, USUAL) if rival not in without]
    for number in range(repeats):
        console.print(f"Round {number + 1} of {repeats} ...")
        shutil.copyfile(before, pipeline.warehouse)
        night = pipeline.build(NIGHT, NIGHT)
        took.setdefault(OURS, []).append(night.seconds)
        peaks[OURS] = max(peaks.get(OURS, 0), night.peak_mb)
        again = Pipeline(raw, folder / "replay" / "warehouse.duckdb", pipeline.target)
        again.warehouse.parent.mkdir(exist_ok=True)
        shutil.copyfile(before, again.warehouse)
        models.append(replayed(again))
        took.setdefault(OUR_SQL, []).append(sum(models[-1].values()))
        for rival in rivals:
            found = folder / "rival.parquet"
            seconds, peak = run_rival(rival, pipeline, folder, found)
            different = differences(pipeline.warehouse, found)
            if different:
                raise click.ClickException(f"{rival} finds other metrics: {different}")
            took.setdefault(rival, []).append(seconds)
            peaks[rival] = max(peaks.get(rival, 0), peak)
    if backfill:
        console.print(f"Backfill of {backfill} dates ...")
        shutil.copyfile(before, pipeline.warehouse)
        several = pipeline.build(NIGHT - (backfill - 1) * day, NIGHT)
        took[f"{backfill} dates in one run, whole process"] = [several.seconds]
        peaks[f"{backfill} dates in one run, whole process"] = several.peak_mb
    return {
        "size": {
            "name": size.name,
            "accounts": size.accounts,
            "events": size.events_a_day * days,
            "days": days,
            "health_rules": len(pd.read_csv(project.parent / "seeds" / "health_rules.csv")),
            "health_dates": size.health_dates,
        },
        "machine": {
            "cores": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "system": platform.platform(),
            "load": os.getloadavg()[0],
        },
        "versions": {
            name: version(name) for name in ("duckdb", "dbt-core", "dbt-duckdb", "pandas", "polars")
        }
        | {"python": platform.python_version()},
        "repeats": repeats,
        "first_load": {
            "seconds": first.seconds,
            "cpu_seconds": first.cpu_seconds,
            "peak_mb": first.peak_mb,
        },
        "median_seconds": {name: statistics.median(seconds) for name, seconds in took.items()},
        "seconds": took,
        "peak_mb": peaks,
        "ratios": ratios({name: statistics.median(seconds) for name, seconds in took.items()}),
        "models": top(models),
    }


def run_rival(rival: str, pipeline: Pipeline, folder: Path, found: Path) -> tuple[float, float]:
    """Seconds and peak memory of one rival, which leaves its metrics in the file `found`."""
    if rival == USUAL:
        project = folder / "usual"
        usual_dbt.write_project(project, pipeline.raw, NIGHT)
        command, environment = usual_dbt.command(project)
        process = timed(command, environment)
        with duckdb.connect(str(project / "usual.duckdb"), read_only=True) as connection:
            connection.execute("create temp view metrics as from account_metrics")
            write_found(connection, found)
        return process.seconds, process.peak_mb
    arguments = [rival, str(pipeline.raw), str(NIGHT), str(found), str(pipeline.warehouse)]
    process = timed([sys.executable, "-m", "benchmarks.rivals", *arguments], dict(os.environ), ROOT)
    return float(process.output.split()[-1]), process.peak_mb


def differences(warehouse: Path, found: Path) -> list[tuple]:
    """Of which metrics and states pipeline and rival do not say the same, to a millionth.

    Only metrics that the rival knows are looked at, and states if it has any.
    """
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(
            f"""
            with theirs as (from read_parquet('{found}')),
            ours as (
                select account_id, metric_id as name, value, null as state
                from health.pillar_metrics_history
                where health_date = date '{NIGHT}' and value is not null
                union all
                select account_id, pillar_id, score, state
                from health.pillar_health_history
                where health_date = date '{NIGHT}'
                union all
                select account_id, 'overall', overall_score, overall_state
                from health.account_health_history
                where health_date = date '{NIGHT}'
            )
            select name, count(*), any_value(ours.value), any_value(theirs.value),
                any_value(ours.state), any_value(theirs.state), any_value(account_id)
            from ours
            full join theirs using (account_id, name)
            where
                name in (select name from theirs)
                and (
                    coalesce(
                        abs(ours.value - theirs.value) > 1e-6,
                        ours.value is distinct from theirs.value
                    )
                    or ours.state is distinct from theirs.state
                )
            group by name
            """
        ).fetchall()


def ratios(median: dict[str, float]) -> dict[str, float]:
    """What the aims are about."""
    found = {}
    if "floor from roll-up" in median:
        found["SQL of a night / floor from roll-up"] = (
            median[OUR_SQL] / median["floor from roll-up"]
        )
    for rival in (USUAL, "pandas", "Polars"):
        if rival in median:
            found[f"{rival} / SQL of a night"] = median[rival] / median[OUR_SQL]
            found[f"{rival} / whole night"] = median[rival] / median[OURS]
    return found | {"whole night less its SQL, seconds": median[OURS] - median[OUR_SQL]}


def top(models: list[dict[str, float]], count: int = 12) -> dict[str, float]:
    """The slowest models of a night and their median seconds of SQL."""
    median = {
        name: statistics.median(run[name] for run in models if name in run) for name in models[-1]
    }
    return dict(sorted(median.items(), key=lambda item: -item[1])[:count])


def print_table(result: dict, console: Console) -> None:
    """The figures for people."""
    table = Table(title=f"Size {result['size']['name']}, medians of {result['repeats']}")
    table.add_column("what")
    table.add_column("seconds", justify="right")
    table.add_column("peak memory, MB", justify="right")
    first = result["first_load"]
    dates = result["size"]["health_dates"]
    table.add_row(
        f"first load, {dates} dates", f"{first['seconds']:.1f}", f"{first['peak_mb']:.0f}"
    )
    for name, seconds in result["median_seconds"].items():
        peak = result["peak_mb"].get(name)
        table.add_row(name, f"{seconds:.2f}", f"{peak:.0f}" if peak else "")
    console.print(table)
    for title, figures in (("Ratios", result["ratios"]), ("Slowest SQL", result["models"])):
        console.print(f"\n{title}")
        for name, value in figures.items():
            console.print(f"  {name}: {value:.2f}")


if __name__ == "__main__":
    main()
