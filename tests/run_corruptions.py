"""`make corruptions`: inject every corruption and write down which check caught which.

The raw data is judged for each. Health is calculated and judged as well, on the way that a run
takes, for what the raw checks do not see (with `--every`, for all of them).
"""

import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path

import click
from corruptions import CORRUPTIONS, Corruption, Raw, checkpoint, failures_of, raw_failures
from pipeline import ROOT, Warehouse

import expectations
from orchestration.sample_data import write_sample
from orchestration.settings import Settings

TABLE = ROOT / "expectations" / "CORRUPTIONS.md"
HEALTH_DATE = date(2026, 11, 19)
ACCOUNTS, DAYS = 100, 150
HISTORY_DAYS = 7  # health dates that are calculated before the corruption


@click.command()
@click.option("--every", is_flag=True, help="Calculate health for every corruption.")
def main(every: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="corruptions-") as folder:
        scratch = Path(folder)
        clean = Raw(scratch / "clean", HEALTH_DATE)
        write_sample(clean.folder, accounts=ACCOUNTS, days=DAYS, end_date=HEALTH_DATE)
        history = Warehouse(scratch / "history" / "warehouse.duckdb", clean.folder)
        history.path.parent.mkdir()
        history.calculate(HEALTH_DATE - timedelta(HISTORY_DAYS), HEALTH_DATE - timedelta(1))
        checkpoint(history)
        usual = {
            failure
            for table in {corruption.table for corruption in CORRUPTIONS}
            for failure in raw_failures(clean, table, history.path)
        }
        lines = [line_of(corruption, clean, history, usual, every) for corruption in CORRUPTIONS]
    TABLE.write_text(page_of(lines), encoding="utf-8")
    click.echo(f"Wrote {TABLE.relative_to(ROOT)}")


def line_of(
    corruption: Corruption, clean: Raw, history: Warehouse, usual: set[str], every: bool
) -> tuple[Corruption, dict[str, str], str]:
    """The corruption, what caught it, and what became of the run."""
    raw = Raw(clean.folder.with_name("corrupted"), HEALTH_DATE)
    shutil.rmtree(raw.folder, ignore_errors=True)
    shutil.copytree(clean.folder, raw.folder)
    corruption.corrupt(raw)
    caught = raw_failures(raw, corruption.table, history.path)
    caught = {check: observed for check, observed in caught.items() if check not in usual}
    end = ""
    if every or not caught:
        caught, end = calculated(raw, history, caught)
    click.echo(f"{corruption.table}, {corruption.name}: {', '.join(caught) or 'nothing'} {end}")
    return corruption, caught, end


def calculated(raw: Raw, history: Warehouse, caught: dict[str, str]) -> tuple[dict[str, str], str]:
    """What the whole run finds beside what is usual, and how it ends."""
    warehouse = Warehouse(history.path.parent.with_name("run") / "warehouse.duckdb", raw.folder)
    shutil.rmtree(warehouse.path.parent, ignore_errors=True)
    warehouse.path.parent.mkdir()
    shutil.copyfile(history.path, warehouse.path)
    settings = Settings(raw.folder, warehouse.path)
    reports = [expectations.run_raw_checks(settings, HEALTH_DATE)]
    if warehouse.build(HEALTH_DATE).exit_code:
        return caught, "the run stops"
    reports += [
        expectations.run_pillar_checks(settings, HEALTH_DATE),
        expectations.run_health_checks(settings, HEALTH_DATE),
    ]
    usual = expectations.run_pillar_checks(settings, HEALTH_DATE - timedelta(1)).failed
    found = failures_of(result for report in reports[1:] for result in report.failed)
    caught = caught | {
        check: observed for check, observed in found.items() if check not in failures_of(usual)
    }
    if expectations.blocking_failures(reports):
        return caught, "not published"
    unfit = warehouse.query(
        "select distinct pillar_id from health.pillar_health_history"
        f" where health_date = '{HEALTH_DATE}' and reason = 'source_unavailable' order by 1"
    )
    if unfit:
        return caught, "not calculated: " + ", ".join(pillar for (pillar,) in unfit)
    return caught, "published"


def page_of(lines: list[tuple[Corruption, dict[str, str], str]]) -> str:
    uncaught = [
        corruption for corruption, caught, end in lines if not caught and end == "published"
    ]
    text = [
        "# Corruptions, and what catches them",
        "",
        f"Made by `make corruptions`: {len(lines)} ways to corrupt the raw sample ({ACCOUNTS} "
        f"accounts, {DAYS} days), one at a time, and the checks that failed then and do not fail "
        "on the sample as it is. A critical failure of a raw table makes the pillars that need the "
        "table not calculated; what happened to the run is told where health was calculated, which "
        "is done for what the raw checks do not see.",
        "",
        f"{len(lines) - len(uncaught)} are noticed, {len(uncaught)} are not"
        + (": " + "; ".join(f"{c.table}, {c.name}" for c in uncaught) if uncaught else "")
        + ".",
        "",
        "| raw table | corruption | caught by (what was observed) | the run |",
        "|---|---|---|---|",
    ]
    for corruption, caught, end in lines:
        checks = "<br>".join(f"{check}: {observed}" for check, observed in caught.items())
        checks = checks.replace("|", "&#124;") or "**nothing**"
        text.append(f"| {corruption.table} | {corruption.name} | {checks} | {end} |")
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    main()
