"""`health backtest`: what it measures on made-up histories, and what it finds in the sample."""

import csv
import random
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

import click
import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from pipeline import Warehouse

from orchestration.base.settings import Settings
from orchestration.cli import main
from orchestration.insight import backtest_headline, observations
from orchestration.insight.backtest_measures import measure
from orchestration.insight.backtest_report import report_of
from orchestration.insight.backtest_results import HORIZONS, LIKE_AGE, Results
from orchestration.insight.people_or_rules import people_or_rules
from orchestration.insight.prediction import Estimate
from orchestration.insight.single_signals import FOLDS, REPEATS
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
        "pillars": [
            {"pillar_id": "service", "pillar_name": "Service", "display_order": "1"},
            {"pillar_id": "relationship", "pillar_name": "Relationship", "display_order": "2"},
        ],
        "pillar_sources": [{"pillar_id": "relationship", "table_name": "touchpoints"}],
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


Made = Callable[[random.Random, bool], float]
TABLES = {
    "account_churn": "account_id text, account_name text, created_at timestamp,"
    " churned_at timestamp",
    "account_health_history": "health_date date, account_id text, segment_id text, mrr double,"
    " calculated_overall_state text, overall_score double, config_version text",
    "pillar_health_history": "health_date date, account_id text, pillar_id text, segment_id text,"
    " calculated_state text, score double, reason text",
    "pillar_metrics_history": "health_date date, account_id text, metric_id text, value double",
    "source_status": "health_date date, table_name text, status text",
    "override_outcomes": "account_id text, state text, calculated_state_at_start text,"
    " created_at timestamp",
}


def foretelling(generator: random.Random, is_fading: bool) -> float:
    return round(min(10, max(0, generator.gauss(3 if is_fading else 7, 1.5))), 2)


def noise(generator: random.Random, is_fading: bool) -> float:
    return round(generator.uniform(0, 10), 2)


def faint(generator: random.Random, is_fading: bool) -> float:
    return round(min(10, max(0, generator.gauss(4.5 if is_fading else 6, 2.0))), 2)


def made_history(health: Made = foretelling, users: Made = noise) -> duckdb.DuckDBPyConnection:
    """90 accounts over 20 weeks; 30 leave, and fade for eight weeks before they do.

    health makes the overall score, users the metric of that name; the other metric, the score of
    the pillar `service`, are noise. The pillar `relationship` has no source.
    """
    connection = duckdb.connect()
    connection.execute("create schema health")
    for table, columns in TABLES.items():
        connection.execute(f"create table health.{table} ({columns})")
    connection.execute(
        "create table health.health_config_versions as select 'v1' as config_version, ? as config",
        [pd.Series(CONFIGURATION.files).to_json()],
    )
    generator, of_users = random.Random(1), random.Random(2)
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
            score = health(generator, fading)
            state = "poor" if score < 3.34 else "good" if score >= 6.66 else "average"
            overall.append((day, account, "everyone", 100.0, state, score, "v1"))
            pillar = noise(generator, fading)
            pillars.append((day, account, "service", "everyone", "average", pillar, None))
            reason = "source_unavailable"
            pillars.append((day, account, "relationship", None, "not_calculated", None, reason))
            metrics.append((day, account, "days_since_last_event", generator.randrange(9)))
            metrics.append((day, account, "users", users(of_users, fading)))
    days = [END - timedelta(days=7 * week) for week in range(20)]
    for table, rows in (
        ("account_churn", accounts),
        ("account_health_history", overall),
        ("pillar_health_history", pillars),
        ("pillar_metrics_history", metrics),
        ("source_status", [(day, "touchpoints", "absent") for day in days]),
    ):
        places = ", ".join("?" for _ in rows[0])
        connection.executemany(f"insert into health.{table} values ({places})", rows)
    return connection


@pytest.fixture(scope="module")
def history() -> Iterator[duckdb.DuckDBPyConnection]:
    """Overall health foretells, nothing else does."""
    with made_history() as connection:
        yield connection


def measured(
    history: duckdb.DuckDBPyConnection, labels: observations.Labels | None = None
) -> Results:
    dates = [END - timedelta(days=7 * week) for week in range(19, -1, -1)]
    known = labels or observations.published_labels(history)
    return measure(history, dates, known, END, draws=DRAWS)


def test_what_was_planted_is_found_at_every_horizon(history: duckdb.DuckDBPyConnection) -> None:
    results = measured(history)
    assert results.verdict.startswith(
        "Overall health foretold churn 30, 60 and 90 days ahead, better than any single signal"
    )
    assert [results.contests[horizon].standing for horizon in HORIZONS] == ["better"] * 3
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


def test_a_signal_that_foretells_where_health_does_not_is_in_the_headline() -> None:
    with made_history(health=noise, users=foretelling) as connection:
        results = measured(connection)
    assert results.verdict == (
        "Overall health foretold nothing: it tells churn no better than chance. users alone"
        " foretold it 30, 60 and 90 days ahead."
    )
    contest = results.contests[30]
    assert contest.standing == "worse" and contest.signal == "users"
    assert not contest.is_higher_riskier and contest.out_of_fold.high < 0
    assert contest.chosen == {"users": FOLDS * REPEATS}
    best = results.signals[0]
    assert (best.signal_id, best.pillars, best.is_higher_riskier) == ("users", ["service"], False)
    cell = best.aucs[30]
    assert isinstance(cell, Estimate) and cell.low > 0.8
    # Its pillar is noise, and loses what the signal knows.
    assert results.pillar_contests["service"].standing == "worse"
    assert "service tells less than users alone, which feeds it" in report_of(results).markdown()


def test_a_health_that_foretells_less_than_a_signal_is_called_worse() -> None:
    with made_history(health=faint, users=foretelling) as connection:
        results = measured(connection)
    overall = results.aucs["all", "overall", 30]
    assert isinstance(overall, Estimate) and overall.is_above_chance
    assert ", but worse than users alone" in results.verdict
    text = report_of(results).markdown()
    assert re.search(
        r"\| 30 days \| worse than users alone \| Of two accounts, .* (\d+) times in 100", text
    )


def test_a_health_as_good_as_a_signal_is_no_better() -> None:
    with made_history(users=foretelling) as connection:
        results = measured(connection)
    assert results.verdict.startswith("Overall health foretold churn 30, 60 and 90 days ahead, but")
    assert "no better than users alone" in results.verdict
    assert "better than any" not in results.verdict


@pytest.mark.parametrize(
    ("at_like_age", "told"),
    [
        (Estimate(0.7, 0.6, 0.8, 12), "Overall health foretold churn 30 days ahead."),
        (Estimate(0.52, 0.4, 0.6, 12), "no better than chance: age explains it."),
        (Estimate(0.7, 0.4, 0.9, 12), "too few left to rule out that age explains it."),
    ],
)
def test_the_headline_tells_age_from_too_few(at_like_age: Estimate, told: str) -> None:
    aucs = {
        ("all", "overall", 30): Estimate(0.72, 0.6, 0.8, 12),
        ("all", LIKE_AGE, 30): at_like_age,
    }
    results = Results([END], END, "", 40, {30: 12}, [CONFIGURATION], aucs=aucs)
    assert results.verdict.endswith(told)


def test_a_signal_that_may_know_the_future_is_no_rival() -> None:
    with made_history() as connection:
        connection.execute(
            "update health.pillar_metrics_history set metric_id = 'to_renewal'"
            " where metric_id = 'users'"
        )
        results = measured(connection)
    assert "to_renewal" in {signal.signal_id for signal in results.signals if signal.undated}
    assert all("to_renewal" not in contest.chosen for contest in results.contests.values())
    assert re.search(r"\| to_renewal [^|]+ \|", report_of(results).markdown()), "it is marked"


def test_a_pillar_without_a_score_says_why(history: duckdb.DuckDBPyConnection) -> None:
    results = measured(history)
    assert results.unscored["relationship"].share == 1
    text = report_of(results).markdown()
    assert "| relationship | no score | no score | no score |" in text
    assert (
        "| relationship | 100% | its sources were not fit: touchpoints absent on all 20 dates"
        " (100% of account dates, on all 20 dates) |"
    ) in text


def test_the_share_of_all_that_were_poor_stands_beside_that_of_leavers(
    history: duckdb.DuckDBPyConnection,
) -> None:
    results = measured(history)
    found = results.marks["poor", 30]
    assert found.marked_share < 0.2 < found.recall.low
    assert found.precision.low > found.marked_share
    either = results.marks["poor or average", 30]
    assert either.marked_share > found.marked_share
    assert either.recall.value > found.recall.value


@pytest.mark.parametrize(
    ("state", "calculated", "leaver", "told"),
    [
        ("poor", "good", True, "people were right more often than the rules"),
        ("poor", "good", False, "the rules were right more often than people"),
        ("good", "poor", True, "the rules were right more often than people"),
        ("good", "poor", False, "people were right more often than the rules"),
    ],
)
def test_people_or_rules(state: str, calculated: str, leaver: bool, told: str) -> None:
    """a00 to a29 leave, here on one day; the others stay."""
    accounts = [f"a{number:02}" for number in (range(15) if leaver else range(40, 55))]
    start = END - timedelta(days=100)
    labels = observations.Labels({f"a{n:02}": [END - timedelta(days=30)] for n in range(30)}, "")
    with duckdb.connect() as connection:
        connection.execute("create schema health")
        assert people_or_rules(connection, labels, END) is None, "former publications"
        connection.execute(f"create table health.override_outcomes ({TABLES['override_outcomes']})")
        rows = [(account, state, calculated, start) for account in accounts]
        # Says the same as the rules, nothing of leaving, or too late to know.
        rows += [("a40", "poor", "poor", start), ("a41", "not_calculated", "good", start)]
        rows += [("a42", "poor", "good", END - timedelta(days=89))]
        connection.executemany("insert into health.override_outcomes values (?, ?, ?, ?)", rows)
        found = people_or_rules(connection, labels, END)
        assert found is not None and found.count == 15
        assert told in found.verdict
        connection.execute("delete from health.override_outcomes where account_id > 'a05'")
        few = people_or_rules(connection, labels, END)
    assert few is None or "too few to say" in few.verdict


def test_labels_that_are_shuffled_are_foretold_by_nothing(
    history: duckdb.DuckDBPyConnection,
) -> None:
    labels = observations.published_labels(history)
    accounts = [f"a{number:02}" for number in range(90)]
    above, better = 0, 0
    for seed in range(5):
        others = random.Random(seed).sample(accounts, len(labels.dates))
        shuffled = dict(zip(others, labels.dates.values(), strict=True))
        results = measured(history, observations.Labels(shuffled, "shuffled"))
        cell = results.aucs["all", "overall", 30]
        assert isinstance(cell, Estimate)
        above += cell.is_above_chance
        better += "better than any" in results.verdict or "alone foretold it" in results.verdict
    assert above <= 1 and better <= 1


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


def test_the_headline_is_kept_for_those_who_only_look(
    history: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    settings = Settings(raw=tmp_path / "raw", warehouse=tmp_path / "warehouse.duckdb")
    assert backtest_headline.last(settings) is None
    results = measured(history)
    for _ in range(2):  # the second replaces the first
        backtest_headline.keep(settings, results)
    assert [file.name for file in settings.state.iterdir()] == ["backtest.json"]
    kept = backtest_headline.last(settings)
    assert kept is not None
    assert kept["verdict"] == results.verdict
    assert kept["last_date"] == results.dates[-1]
    [first, *_] = kept["horizons"]
    health = results.aucs["all", "overall", 30]
    assert isinstance(health, Estimate)
    assert first["auc"] == [health.value, health.low, health.high]
    assert first["rival"]["auc"] >= results.contests[30].rival.value
    assert first["left"] == results.churned[30]
    results.aucs["all", "overall", 30] = 3  # too few left
    backtest_headline.keep(settings, results)
    kept = backtest_headline.last(settings)
    assert kept is not None and kept["horizons"][0]["auc"] is None


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
    kept = backtest_headline.last(sample.settings)
    assert kept is not None and kept["verdict"] in " ".join(text.split())


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
