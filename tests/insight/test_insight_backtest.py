"""`health backtest`: what it measures on made-up histories, and what it finds in the sample."""

import csv
import random
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

import click
import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from pipeline import Warehouse

from orchestration.cli import main
from orchestration.insight import observations
from orchestration.insight.backtest_measures import measure
from orchestration.insight.backtest_report import report_of
from orchestration.insight.backtest_results import HORIZONS, Results
from orchestration.insight.prediction import Estimate
from orchestration.insight.undated_columns import undated_rules, undated_signals, without
from orchestration.insight.warning_signs import warnings_before
from orchestration.publishing.publication import publish
from orchestration.sample_data import write_sample
from orchestration.warehouse.configuration import Configuration

END = date(2026, 11, 22)
DRAWS = 100
Row = dict[str, str | None]


def rule(segment: str, clause: str, signal: str, scaled_by: str | None = None) -> Row:
    return {
        "segment_id": segment,
        "pillar_id": "service",
        "state": "good",
        "clause": clause,
        "signal_id": signal,
        "operator": ">=",
        "threshold": "1",
        "scaled_by": scaled_by,
    }


CONFIGURATION = Configuration(
    "v1",
    {
        "pillars": [{"pillar_id": "service", "pillar_name": "Service", "display_order": "1"}],
        "metrics": [
            {"metric_id": name, "measure": measure, "dimension": dimension, "pillar_id": "service"}
            for name, measure, dimension in (
                ("days_since_last_event", "days_since_last_event", None),
                ("to_renewal", "days_to_renewal", None),
                ("users", "active_users", None),
                ("urgent", "open_tickets", "priority"),
            )
        ],
        "health_rules": [
            rule("everyone", "1", "users"),
            rule("everyone", "1", "to_renewal"),
            rule("everyone", "2", "users"),
            rule("everyone", "3", "users", scaled_by="licences"),
            rule("everyone", "4", "urgent"),
        ],
        "segment_rules": [
            {"segment_id": "s", "clause": "1", "signal_id": "industry", "operator": "="}
        ],
    },
)


# Undated columns


def test_rules_on_columns_without_a_time_are_named() -> None:
    found = {(rule.file, rule.signal_id, rule.column) for rule in undated_rules(CONFIGURATION)}
    assert found == {
        ("health_rules", "to_renewal", "subscriptions.renews_at"),
        ("health_rules", "urgent", "tickets.priority"),
        ("segment_rules", "industry", "accounts.industry"),
    }


def test_a_clause_goes_whole_with_its_undated_condition() -> None:
    left = without(CONFIGURATION, undated_rules(CONFIGURATION))
    assert [(row["clause"], row["signal_id"]) for row in left.rows("health_rules")] == [
        ("2", "users"),
        ("3", "users"),
    ]
    assert left.rows("segment_rules") == []
    assert left.rows("metrics") == CONFIGURATION.rows("metrics")


def test_what_compares_a_metric_rests_on_the_same_columns() -> None:
    metric = {"measure": "tickets_created", "dimension": None}
    change = {**metric, "measure": "metric_change"}
    deviation = {**metric, "measure": "peer_deviation"}
    metrics: list[Row] = [
        {"metric_id": "users", **metric},
        {"metric_id": "urgent", **metric, "dimension": "priority"},
        {"metric_id": "urgent_change", **change, "base_metric": "urgent"},
        {"metric_id": "users_change", **change, "base_metric": "users"},
        {
            "metric_id": "users_vs_industry",
            **deviation,
            "base_metric": "users",
            "peer_attribute": "industry",
        },
    ]
    found = undated_signals(Configuration("", {"metrics": metrics}))
    assert {name: found.get(name) for name in ("urgent_change", "users_change")} == {
        "urgent_change": "tickets.priority",
        "users_change": None,
    }
    assert found["users_vs_industry"] == "accounts.industry"


# Observations and warnings


def labels_in(folder: Path, text: str) -> Path:
    file = folder / "labels.csv"
    file.write_text(text)
    return file


def test_labels_of_a_file_are_read_and_refused(tmp_path: Path) -> None:
    file = labels_in(tmp_path, "account_id,left\na,2026-11-05\nb,\na,2026-10-01 12:00\n")
    labels = observations.labels_of_file(file, "left")
    assert labels.dates == {"a": [date(2026, 10, 1), date(2026, 11, 5)]}
    assert labels.next_after("a", date(2026, 10, 2)) == date(2026, 11, 5)
    assert labels.next_after("a", date(2026, 10, 1)) == date(2026, 10, 1)
    assert labels.next_after("b", date(2026, 1, 1)) is None
    with pytest.raises(click.ClickException, match="has no column churned_at; it has account_id"):
        observations.labels_of_file(file, "churned_at")
    wrong = labels_in(tmp_path, "account_id,left\na,soon\n")
    with pytest.raises(click.ClickException, match="line 2: 'soon' in left is no date"):
        observations.labels_of_file(wrong, "left")


def test_an_outcome_counts_only_when_its_days_are_over() -> None:
    frame = pd.DataFrame(
        {
            "health_date": [END - timedelta(days=age) for age in (40, 30, 29)],
            "days_left": [29.0, 30.0, 1.0],
        }
    )
    known = observations.known_by(frame, 30, END)
    assert known["leaves"].tolist() == [True, False]


def test_dates_are_counted_from_the_last() -> None:
    days = [END - timedelta(days=age) for age in range(20, -1, -1)]
    chosen = observations.chosen_dates(days, END - timedelta(days=15), None, 7)
    assert chosen == [END - timedelta(days=14), END - timedelta(days=7), END]


def test_warnings_before_leaving() -> None:
    """One left after 14 poor days, one declined and recovered, one stayed well."""
    states = {
        "left": ["good", "poor", "poor"],
        "declined": ["good", "average", "good"],
        "stayed": ["good", "good", "good"],
    }
    rows = [
        {
            "account_id": account,
            "health_date": END - timedelta(days=7 * (2 - week)),
            "state": state,
            "leaves_on": END + timedelta(days=7) if account == "left" else None,
        }
        for account, seen in states.items()
        for week, state in enumerate(seen)
    ]
    before = warnings_before(pd.DataFrame(rows), 30, END + timedelta(days=7))
    assert (before.leavers.accounts, before.leavers.poor) == (1, 1)
    assert before.warning_days == [14]
    assert before.median_warning == 14
    stayers = before.stayers
    assert (stayers.accounts, stayers.poor, stayers.poor_or_declined) == (2, 0, 1)


# Measured on a made-up history


@pytest.fixture(scope="module")
def history() -> Iterator[duckdb.DuckDBPyConnection]:
    """90 accounts over 20 weeks; those that leave lose score for eight weeks before they do."""
    connection = duckdb.connect()
    connection.execute("create schema health")
    connection.execute(
        "create table health.account_health_history (health_date date, account_id text,"
        " segment_id text, mrr double, calculated_overall_state text, overall_score double,"
        " config_version text)"
    )
    connection.execute(
        "create table health.pillar_health_history (health_date date, account_id text,"
        " pillar_id text, segment_id text, calculated_state text, score double)"
    )
    connection.execute(
        "create table health.pillar_metrics_history (health_date date, account_id text,"
        " metric_id text, value double)"
    )
    connection.execute(
        "create table health.account_churn (account_id text, account_name text,"
        " created_at timestamp, churned_at timestamp)"
    )
    connection.execute(
        "create table health.health_config_versions as select 'v1' as config_version, ? as config",
        [pd.Series(CONFIGURATION.files).to_json()],
    )
    generator = random.Random(1)
    accounts, overall, pillars, metrics = [], [], [], []
    for number in range(90):
        account = f"a{number:02}"
        left = END - timedelta(days=7 * generator.randrange(1, 18)) if number < 30 else None
        created = END - timedelta(days=generator.randrange(200, 900))
        accounts.append((account, account, created, left))
        for week in range(20):
            day = END - timedelta(days=7 * week)
            if left and day > left:
                continue
            fading = left is not None and (left - day).days < 56
            score = round(min(10, max(0, generator.gauss(3 if fading else 7, 1.5))), 2)
            state = "poor" if score < 3.34 else "good" if score >= 6.66 else "average"
            overall.append((day, account, "everyone", 100.0, state, score, "v1"))
            noise = round(generator.uniform(0, 10), 2)
            pillars.append((day, account, "service", "everyone", "average", noise))
            metrics.append((day, account, "days_since_last_event", generator.randrange(9)))
    for table, rows in (
        ("account_churn", accounts),
        ("account_health_history", overall),
        ("pillar_health_history", pillars),
        ("pillar_metrics_history", metrics),
    ):
        places = ", ".join("?" for _ in rows[0])
        connection.executemany(f"insert into health.{table} values ({places})", rows)
    yield connection
    connection.close()


def measured(
    history: duckdb.DuckDBPyConnection, labels: observations.Labels | None = None
) -> Results:
    dates = [END - timedelta(days=7 * week) for week in range(19, -1, -1)]
    known = labels or observations.published_labels(history)
    return measure(history, dates, known, END, draws=DRAWS)


def test_what_was_planted_is_found_at_every_horizon(history: duckdb.DuckDBPyConnection) -> None:
    results = measured(history)
    assert results.verdict == "Overall health foretold churn 30, 60 and 90 days ahead."
    overall = [results.aucs["all", "overall", horizon] for horizon in HORIZONS]
    assert all(isinstance(cell, Estimate) for cell in overall)
    values = [cell.value for cell in overall if isinstance(cell, Estimate)]
    assert values[0] > 0.9
    assert values == sorted(values, reverse=True), "the further ahead, the harder"
    noise = results.aucs["all", "service", 30]
    assert isinstance(noise, Estimate) and not noise.is_above_chance
    for rival in ("days_since_event", "low_mrr"):
        assert results.rivals[rival, 30].advantage.low > 0
        assert not results.rivals[rival, 30].rival.is_above_chance
    lift = results.lifts["overall", 30]
    assert lift is not None and lift.low > 1
    lowest, *_, highest = results.calibration
    assert lowest[3][0] > highest[3][0]
    assert results.warnings[60].leavers.poor > results.warnings[60].leavers.accounts / 2


def test_labels_that_are_shuffled_are_foretold_by_nothing(
    history: duckdb.DuckDBPyConnection,
) -> None:
    labels = observations.published_labels(history)
    accounts = [f"a{number:02}" for number in range(90)]
    above = 0
    for seed in range(5):
        others = random.Random(seed).sample(accounts, len(labels.dates))
        shuffled = dict(zip(others, labels.dates.values(), strict=True))
        results = measured(history, observations.Labels(shuffled, "shuffled"))
        cell = results.aucs["all", "overall", 30]
        assert isinstance(cell, Estimate)
        above += cell.is_above_chance
    assert above <= 1


def test_with_too_few_that_left_it_refuses_and_says_how_many(
    history: duckdb.DuckDBPyConnection,
) -> None:
    few = dict(list(observations.published_labels(history).dates.items())[:9])
    with pytest.raises(click.ClickException) as refusal:
        measured(history, observations.Labels(few, "left of few.csv"))
    message = refusal.value.message
    assert re.search(r"Too few accounts left .* \d within 30 days, \d within 60 days", message)
    assert "at least 10 are needed" in message
    assert "by left of few.csv" in message


def test_the_report_has_results_with_and_without_undated_columns(
    history: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    results = measured(history)
    assert "Not calculated without them" in report_of(results).markdown()
    results.without_undated = {**results.aucs, ("all", "overall", 30): 3}
    text = report_of(results).markdown()
    assert (
        "| subscriptions.renews_at | to_renewal | health_rules [everyone, service, good, 1]" in text
    )
    [both] = re.findall(r"^\| overall \| all \| (.*)\n\| overall \| without \| (.*)$", text, re.M)
    assert both[0] != both[1] and "too few (3 of 10)" in both[1]
    from orchestration.insight import pictures

    files = pictures.draw_backtest(results, tmp_path)
    assert [file.read_bytes()[:4] for file in files] == [b"\x89PNG"] * 2


# The sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Enough accounts for ten to leave within 30 days of one of the dates."""
    folder = tmp_path_factory.mktemp("backtest")
    write_sample(folder / "raw", accounts=260, days=120, end_date=END)
    built = Warehouse(folder / "warehouse.duckdb", folder / "raw")
    start = END - timedelta(days=62)
    built.calculate(start, END, "--exclude-resource-type", "test")
    publish(built.settings, "test", start, END)
    return built


def run(sample: Warehouse, *arguments: object) -> Result:
    return CliRunner().invoke(
        main,
        ["backtest", *map(str, arguments)],
        env=sample.settings.environment,
    )


def aucs_in(markdown: str) -> Mapping[str, list[float]]:
    """AUC within 30 days and its interval, by score, of all accounts."""
    part = markdown.split("## AUC: how well")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| ([\d.]+) \[([\d.]+), ([\d.]+)\]", part, re.MULTILINE)
    return {name: [float(number) for number in numbers] for name, *numbers in rows}


def test_the_fates_of_the_sample_are_found(sample: Warehouse, tmp_path: Path) -> None:
    """Most that leave use the product less and less before; shown without undated columns too."""
    report, plots = tmp_path / "report.md", tmp_path / "plots"
    result = run(sample, "--markdown", report, "--plots", plots)
    assert result.exit_code == 0, result.output
    text = report.read_text()
    found = aucs_in(text)
    for score in ("overall", "product_adoption"):
        assert found[score][0] > 0.65 and found[score][1] > 0.5, (score, found[score])
    assert re.search(r"^\| overall \| without \| [\d.]+ \[", text, re.MULTILINE)
    assert sorted(file.name for file in plots.iterdir()) == ["auc.png", "calibration.png"]


def test_nobody_s_fate_is_found_in_shuffled_labels(sample: Warehouse, tmp_path: Path) -> None:
    rows = sample.query("select account_id, churned_at::date from health.account_churn order by 1")
    dates = [day for _, day in rows]
    random.Random(3).shuffle(dates)
    file = tmp_path / "shuffled.csv"
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["account_id", "left"])
        writer.writerows((account, day) for (account, _), day in zip(rows, dates, strict=True))
    result = run(sample, "--labels", file, "--label-column", "left", "--published-only")
    assert result.exit_code == 0, result.output
    assert "Overall health foretold nothing" in result.output
