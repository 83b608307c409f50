"""`make corruptions`: inject every corruption and write down which check caught which.

For each the raw data is validated, health is calculated and validated, on the way that a run takes;
with `--raw` the raw data alone. Takes half an hour, or a few minutes.
"""

import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path

import click
from corruptions import CORRUPTIONS, Corruption, Raw, checkpoint, failures_of, raw_failures
from pipeline import ROOT, Warehouse, serving_dbt

import expectations
from orchestration.base.settings import Settings
from orchestration.sample_data import write_sample

TABLE = ROOT / "expectations" / "CORRUPTIONS.md"
HEALTH_DATE = date(2026, 11, 19)
ACCOUNTS, DAYS = 100, 150
HISTORY_DAYS = 7  # health dates that are calculated before the corruption


@click.command()
@click.option("--raw", "raw_only", is_flag=True, help="Judge the raw data only.")
def main(raw_only: bool) -> None:
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
        if not raw_only:
            usual |= set(calculated(clean, history)[0])
        lines = []
        for corruption in CORRUPTIONS:
            raw = corrupted(clean, corruption)
            caught, end = raw_failures(raw, corruption.table, history.path), ""
            caught = {check: observed for check, observed in caught.items() if check not in usual}
            if not raw_only:
                found, end = calculated(raw, history)
                caught |= {check: text for check, text in found.items() if check not in usual}
            click.echo(f"{corruption.table}, {corruption.name}: {', '.join(caught)} {end}")
            lines.append((corruption, caught, end))
    TABLE.write_text(page_of(lines, raw_only), encoding="utf-8")
    click.echo(f"Wrote {TABLE.relative_to(ROOT)}")


def corrupted(clean: Raw, corruption: Corruption) -> Raw:
    raw = Raw(clean.folder.with_name("corrupted"), clean.health_date)
    shutil.rmtree(raw.folder, ignore_errors=True)
    shutil.copytree(clean.folder, raw.folder)
    corruption.corrupt(raw)
    return raw


def calculated(raw: Raw, history: Warehouse) -> tuple[dict[str, str], str]:
    """What the checks of a whole run find after the calculation, and how the run ends."""
    warehouse = Warehouse(history.path.parent.with_name("run") / "warehouse.duckdb", raw.folder)
    shutil.rmtree(warehouse.path.parent, ignore_errors=True)
    warehouse.path.parent.mkdir()
    shutil.copyfile(history.path, warehouse.path)
    settings = Settings(raw.folder, warehouse.path)
    reports = [expectations.run_raw_checks(settings, HEALTH_DATE)]
    if warehouse.build(HEALTH_DATE).exit_code:
        return {}, "the run stops"
    reports += [
        expectations.run_pillar_checks(settings, HEALTH_DATE),
        expectations.run_health_checks(settings, HEALTH_DATE),
    ]
    caught = failures_of(result for report in reports[1:] for result in report.failed)
    if expectations.blocking_failures(reports):
        return caught, "not published"
    unfit = warehouse.query(
        "select distinct pillar_id from health.pillar_health_history"
        f" where health_date = '{HEALTH_DATE}' and reason = 'source_unavailable' order by 1"
    )
    if unfit:
        return caught, "not calculated: " + ", ".join(pillar for (pillar,) in unfit)
    return caught, "published"


def page_of(lines: list[tuple[Corruption, dict[str, str], str]], raw_only: bool) -> str:
    unseen = [
        f"{corruption.table}, {corruption.name}"
        for corruption, caught, end in lines
        if not caught and end != "the run stops"
    ]
    text = [
        "# Corruptions, and what catches them",
        "",
        f"{'Raw checks only' if raw_only else 'Whole runs'}: {len(lines)} ways to corrupt the raw "
        f"sample ({ACCOUNTS} accounts, {DAYS} days), one at a time, and the checks that failed "
        "then and do not fail on the sample as it is. A critical failure of a raw table makes the "
        "pillars that need the table not calculated. The last column says how the run ended; where "
        "it is empty, only the raw data was validated.",
        "",
        f"{len(lines) - len(unseen)} are seen, {len(unseen)} are not: {'; '.join(unseen)}.",
        "",
        "| raw table | corruption | caught by | the run |",
        "|---|---|---|---|",
    ]
    for corruption, caught, end in lines:
        checks = "<br>".join(caught)
        checks = checks.replace("|", "&#124;") or "**nothing**"
        text.append(f"| {corruption.table} | {corruption.name} | {checks} | {end} |")
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    with serving_dbt():
        main()
