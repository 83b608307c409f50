"""The commands that tell of accounts and portfolios, on a small sample, against its own tables."""

import io
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result
from pipeline import ROOT, Warehouse
from rich.console import Console

from orchestration.cli import main
from orchestration.console import summary
from orchestration.insight import distance, explain, flaps, portfolio, transitions, trend
from orchestration.insight.commands import COMMANDS
from orchestration.insight.conditions import COMPARE, Condition, as_a_person
from orchestration.insight.daily_states import states_in_a_line
from orchestration.insight.explanation import explanation_of
from orchestration.insight.states import LOOKS
from orchestration.insight.states_over_time import last_of_periods
from orchestration.publishing.publication import publish
from orchestration.sample_data import write_sample
from orchestration.warehouse.configuration import Configuration

END = date(2026, 11, 22)
START = END - timedelta(days=64)
Command = Callable[..., Result]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("insight")
    write_sample(folder / "raw", accounts=60, days=100, end_date=END)
    built = Warehouse(folder / "warehouse.duckdb", folder / "raw")
    built.calculate(START, END)
    publish(built.settings, "test", START, END)
    return built


@pytest.fixture
def command(warehouse: Warehouse) -> Command:
    return lambda *arguments, file=warehouse.settings.published_file: CliRunner().invoke(
        main,
        [str(argument) for argument in arguments],
        env={**warehouse.settings.environment, "HEALTH_PUBLISHED_DIR": str(file.parent)},
    )


@pytest.fixture
def copy(warehouse: Warehouse, tmp_path: Path) -> Path:
    """A published file of one's own to write to."""
    published = warehouse.settings.published_file
    return Path(shutil.copyfile(published, tmp_path / published.name))


def change(file: Path, *statements: str) -> None:
    with duckdb.connect(str(file)) as connection:
        for statement in statements:
            connection.execute(statement)


# What all commands share


def test_every_command_shows_an_example_of_itself() -> None:
    for each in COMMANDS:
        text = CliRunner().invoke(main, [str(each.name), "--help"]).output
        assert re.search(rf"Examples?:\n\s+health {each.name}\b", text), text


@pytest.mark.parametrize(
    "arguments",
    [["explain", "acc_00001"], ["trend"], ["portfolio"], ["flaps"], ["backtest"], ["calibrate"]],
)
def test_with_nothing_published_the_cure_is_named(command: Command, arguments: list[str]) -> None:
    result = command(*arguments, file=Path("nowhere/account_health.duckdb"))
    assert result.exit_code == 1
    assert "`health run` makes it" in result.output


# health explain


def test_explain_shows_the_published_states_and_scores(
    command: Command, warehouse: Warehouse
) -> None:
    rows = warehouse.query(
        "select account_id, account_name, overall_state, overall_score from health.account_health"
        " order by account_id"
    )
    for account, name, state, score in rows[::10]:
        output = command("explain", account).output
        first = output.strip().splitlines()[0]
        assert first.startswith(f"{name} ({account}) on {END}: {state}")
        shown = re.search(r", score ([\d.]+) of 10$", first)
        assert (shown is None) == (score is None)
        assert shown is None or abs(float(shown[1]) - score) <= 0.0500001, first


def test_explain_shows_every_condition_with_value_and_threshold(
    command: Command, warehouse: Warehouse
) -> None:
    account = poor_account(warehouse)
    output = command("explain", account).output
    conditions = warehouse.query(
        "select signal_id, observed, operator, resolved_threshold, is_met"
        f" from health.health_explanations where account_id = '{account}'"
        f" and health_date = '{END}' and rule_set <> 'segment'"
    )
    assert conditions
    answers = {True: "yes", False: "no", None: "unknown"}
    for signal, observed, operator, threshold, is_met in conditions:
        seen = "unknown" if observed is None else as_a_person(observed, threshold) or "none"
        asked = rf"{re.escape(threshold)}[^│(]*|\S+ \([^│]*" if threshold else r"\?[^│]*"
        cells = rf"│ {signal} +│ {re.escape(seen)}[^│]*│ {re.escape(operator)} ({asked})"
        found = re.search(rf"{cells}│ {answers[is_met]} ", output)
        assert found, signal
        if "(" in found[1]:  # scaled, and rounded
            assert float(found[1].split()[0]) == pytest.approx(float(threshold), rel=0.01), signal


def poor_account(warehouse: Warehouse) -> str:
    return warehouse.query(
        "select account_id from health.account_health where overall_state = 'poor'"
        " and mrr is not null order by account_id limit 1"
    )[0][0]


def test_every_account_is_explained_on_every_kind_of_date(warehouse: Warehouse) -> None:
    """Also where conditions are kept no longer, and on an account's first day."""
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        for day in (START, START + timedelta(days=30), END):
            accounts = connection.execute(
                "select account_id from health.account_health_history where health_date = ?",
                [day],
            ).fetchall()
            assert accounts
            for (account,) in accounts:
                console = Console(width=120, record=True, quiet=True)
                explain.show(explanation_of(connection, account, day), "name", console)


def test_the_chosen_segment_is_explained_by_rules_that_hold(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        accounts = connection.execute("select account_id from health.account_health").fetchall()
        seen = set()
        for (account,) in accounts:
            explanation = explanation_of(connection, account, END)
            segment = explanation.overall.segment_id
            rules = [c for c in explanation.conditions if c.segment_id == segment]
            why = explain.because_chosen(explanation, [c for c in rules if not c.pillar_id])
            seen.add(segment)
            if segment == "standard":
                assert why == "it is the default, for accounts of no other"
            else:
                assert "asked" in why, why
    assert len(seen) > 2


def test_conditions_that_are_kept_no_longer_are_said_to_be_of_another_date(
    command: Command, warehouse: Warehouse
) -> None:
    day = START + timedelta(days=20)
    [(account, kept)] = warehouse.query(
        "select account_id, max(health_date) from health.health_explanations"
        f" where health_date <= '{day}' group by account_id"
        f" having max(health_date) < '{day}' order by account_id limit 1"
    )
    output = " ".join(command("explain", account, "--date", day).output.split())
    assert f"The conditions of {day} are kept no longer; these are of {kept}" in output


def test_the_strip_is_the_history(warehouse: Warehouse, command: Command) -> None:
    account = poor_account(warehouse)
    states = dict(
        warehouse.query(
            "select health_date, state from health.pillar_health_history"
            f" where account_id = '{account}' and pillar_id = 'service'"
        )
    )
    expected = "".join(
        LOOKS[states[END - timedelta(days=age)]].letter
        if END - timedelta(days=age) in states
        else "."
        for age in range(59, -1, -1)
    )
    [line] = re.findall(r"^Service .*$", command("explain", account).output, re.MULTILINE)
    assert line.split()[-1] == expected


def test_the_strip_has_colour_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = states_in_a_line({END: "poor", END - timedelta(days=1): "good"}, END, 3)
    assert text.plain == ".GP"
    shown = {}
    for is_terminal in (True, False):
        stream = io.StringIO()
        Console(file=stream, force_terminal=is_terminal, width=20).print(text)
        shown[is_terminal] = stream.getvalue()
    assert "\x1b[" in shown[True]
    assert shown[False] == ".GP\n"


def test_overrides_are_shown_with_author_and_end(command: Command, copy: Path) -> None:
    change(
        copy,
        "insert into health.override_history values"
        " ('o1', 'acc_00001', 'service', 'good', 'we spoke', 'ann@example.com',"
        " timestamp '2026-11-01 10:00', timestamp '2026-12-24 00:00'),"
        " ('o2', 'acc_00001', 'external', 'poor', 'too late', 'bob@example.com',"
        " timestamp '2026-11-22 10:00', null),"
        " ('o3', 'acc_00001', 'financial', 'poor', 'over', 'eve@example.com',"
        " timestamp '2026-10-22 10:00', timestamp '2026-11-21 10:00')",
    )
    output = " ".join(command("explain", "acc_00001", file=copy).output.split())
    assert "Service: good, by ann@example.com on 2026-11-01, until 2026-12-24: we spoke" in output
    assert "bob@" not in output and "eve@" not in output


def test_changes_are_told_with_their_cause(command: Command, copy: Path) -> None:
    flipped = [
        {
            "pillar_id": "service",
            "rule_set": "poor",
            "clause": "1",
            "signal_id": "open_tickets",
            "operator": ">=",
            "threshold": "2",
            "observed_before": "1",
            "observed": "3",
            "was_met": False,
            "is_met": True,
        }
    ]
    change(
        copy,
        "create or replace table health.health_changes as select date '2026-11-20' as health_date,"
        " 'acc_00001' as account_id, 'service' as pillar_id, 'good' as from_state,"
        " 'poor' as to_state, 34 as days_in_from_state, 'behaviour' as cause,"
        f" '{json.dumps(flipped)}' as flipped_conditions, 1.0::double as mrr",
    )
    output = command("explain", "acc_00001", file=copy).output
    assert (
        "2026-11-20 Service: good to poor after 34 days: the customer's behaviour\n"
        "    poor 1: open_tickets 3 tickets, was 1 ticket; >= 2 now holds\n"
    ) in output
    before = command("explain", "acc_00001", "--date", "2026-11-19", file=copy).output
    assert "What changed in 60 days\nNothing." in before


def test_a_changed_condition_shows_the_threshold_of_the_account(
    command: Command, copy: Path
) -> None:
    flipped = {
        "pillar_id": "product_adoption",
        "rule_set": "poor",
        "clause": "3",
        "signal_id": "inactive_users_30d",
        "operator": ">=",
        "threshold": "0.3",
        "observed_before": "8",
        "observed": "12",
        "was_met": False,
        "is_met": True,
    }
    day = END - timedelta(days=2)
    change(
        copy,
        "create or replace table health.health_changes as select"
        f" date '{day}' as health_date, 'acc_00001' as account_id,"
        " 'product_adoption' as pillar_id, 'good' as from_state, 'poor' as to_state,"
        " 1 as days_in_from_state, 'behaviour' as cause,"
        f" '{json.dumps([flipped])}' as flipped_conditions, 1.0::double as mrr",
        "insert into health.health_explanations by name select * replace ("
        f" date '{day}' as health_date, 'acc_00001' as account_id,"
        " 'product_adoption' as pillar_id, 'poor' as rule_set, '3' as clause,"
        " 'inactive_users_30d' as signal_id, '12' as observed, '>=' as operator,"
        " '0.3' as threshold, 'seats' as scaled_by, '10.233333' as resolved_threshold,"
        " true as is_met, 1.766667 as gap) from health.health_explanations limit 1",
    )
    output = " ".join(command("explain", "acc_00001", file=copy).output.split())
    assert "good to poor after 1 day: the customer's behaviour" in output
    assert (
        "poor 3: inactive_users_30d 12 users, was 8 users; >= 10.2 (0.3 x seats) now holds"
        in output
    )


def test_why_an_account_is_poor_is_answered_by_clauses_that_hold(
    command: Command, warehouse: Warehouse
) -> None:
    page = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")
    section = page.partition("Why accounts are poor")[2]
    [sql, *_] = re.findall(r'health query "(.*?)"', section, re.DOTALL)
    assert command("query", sql).exit_code == 0
    found = warehouse.query(sql.replace("limit 10", ""))
    poor = warehouse.query(
        "select account_id, pillar_id, is_overridden from health.pillar_health_history"
        f" where health_date = '{END}' and state = 'poor'"
    )
    assert {row[:2] for row in found} <= {row[:2] for row in poor}
    explained = {row[:2] for row in found}
    missing = {row[:2] for row in poor if not row[2]} - explained
    by_score = warehouse.query(
        "select distinct account_id, pillar_id from health.health_explanations"
        f" where health_date = '{END}' and rule_set in ('good', 'poor')"
    )
    assert not missing & set(by_score), "an account that is poor by a clause lacks it"
    broken = set(
        warehouse.query(
            "select account_id, pillar_id, clause from health.health_explanations"
            f" where health_date = '{END}' and rule_set = 'poor' and is_met is not true"
        )
    )
    assert not broken & {row[:3] for row in found}, "one condition of the clause does not hold"


def test_the_summary_shows_the_date_asked_for_beside_the_latest(warehouse: Warehouse) -> None:
    day = START + timedelta(days=3)
    with duckdb.connect(str(warehouse.settings.published_file), read_only=True) as connection:
        texts = []
        for asked in (day, END):
            stream = io.StringIO()
            summary.print_summary(connection, Console(file=stream, width=80), asked)
            texts.append(stream.getvalue())
    titles = [re.findall(r"^Health on (\S+) \((\w+ \w+)", text, re.MULTILINE) for text in texts]
    assert titles[0] == [(str(day), "the date"), (str(END), "the latest")]
    assert titles[1] == [(str(END), "the latest")]
    for health_date, text in zip((day, END), texts[0].split("Health on ")[1:], strict=True):
        counts = warehouse.query(
            "select count(*) filter (overall_state = state) from health.account_health_history,"
            " (values ('good'), ('average'), ('poor'), ('not_calculated')) as states(state)"
            f" where health_date = '{health_date}' group by state"
            " order by list_position(['good', 'average', 'poor', 'not_calculated'], state)"
        )
        overall = re.findall(r"overall.*", text)[0]
        assert [int(n) for n in re.findall(r"\d+", overall)] == [n for (n,) in counts]


def test_milestones_are_those_reached_by_the_date(command: Command, copy: Path) -> None:
    change(
        copy,
        "create or replace table health.milestone_progress as select * from (values"
        " ('acc_00001', 'standard', 'a', 'First step', 1, true, date '2026-11-01', '3', '1'),"
        " ('acc_00001', 'standard', 'b', 'Second step', 2, true, date '2026-11-20', '3', '2'),"
        " ('acc_00001', 'standard', 'c', 'Third step', 3, false, null, '3', '5'))"
        " as rows(account_id, segment_id, milestone_id, milestone_name, position, is_reached,"
        " reached_on, observed, resolved_threshold)",
    )
    latest = command("explain", "acc_00001", file=copy).output
    assert "reached 2026-11-20  Second step" in latest
    assert "Third step: 3, asked 5\nDays since the last: 2.\nNext: Third step." in latest
    previous = command("explain", "acc_00001", "--date", "2026-11-10", file=copy).output
    assert "Days since the last: 9.\nNext: Second step." in previous


def test_open_data_problems_are_listed(command: Command, copy: Path) -> None:
    change(
        copy,
        "insert into health.not_calculated_accounts"
        f" select date '{END}', 'acc_00001', 'x', null, 'external', 'no_data', 100,"
        " date '2026-11-02', true",
        "insert into health.rejected_records values ('tickets', 't1', 'missing_created_at',"
        " 'row_rejected', '{\"account_id\": \"acc_00001\"}', null, date '2026-11-03')",
    )
    output = command("explain", "acc_00001", file=copy).output
    assert (
        "is not calculated since 2026-11-02: nothing that its rules ask for is known;"
        " to be looked at." in output
    )
    assert "of tickets: row rejected, missing_created_at (first met 2026-11-03)." in output


def test_an_unknown_account_is_refused_with_near_names(
    command: Command, warehouse: Warehouse
) -> None:
    result = command("explain", "acc_0012")
    assert result.exit_code == 1
    assert "No account has the id or the name 'acc_0012'. Did you mean acc_00012 (" in result.output
    [(account, name)] = warehouse.query(
        "select account_id, account_name from health.account_health order by account_id limit 1"
    )
    assert f"({account})" in command("explain", name.upper()).output
    assert account in command("explain", name[:-1]).output


def test_a_date_that_is_not_there_is_refused(command: Command, warehouse: Warehouse) -> None:
    result = command("explain", "acc_00001", "--date", "2026-01-31")
    assert result.exit_code == 1
    assert f"The nearest is {START}; `health run --date 2026-01-31` calculates it." in result.output
    [(account, last)] = warehouse.query(
        "select account_id, max(health_date) from health.account_health_history"
        f" group by account_id having max(health_date) < '{END}' order by account_id limit 1"
    )
    result = command("explain", account)
    assert result.exit_code == 1
    assert f"Try --date {last}." in result.output
    assert command("explain", account, "--date", last).exit_code == 0


def test_the_ways_to_another_state_lead_there(warehouse: Warehouse) -> None:
    """Take each way: with the values that it asks for, the conditions give the state it names."""
    taken: Counter[tuple[str, str]] = Counter()
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        accounts = connection.execute("select account_id from health.account_health").fetchall()
        for (account,) in accounts:
            explanation = explanation_of(connection, account, END)
            segment = explanation.overall.segment_id or ""
            for pillar, health in explanation.pillars.items():
                facts = distance.Pillar(
                    health.calculated_state,
                    tuple(c for c in explanation.conditions if c.pillar_id == pillar),
                    explanation.configuration.score_weights(segment, pillar),
                    explanation.configuration.bands(segment),
                )
                for path in (distance.to_better(facts), distance.to_worse(facts)):
                    if path and all(step.value is not None for step in path.changes):
                        values = {step.signal_id: step.value or 0.0 for step in path.changes}
                        assert state_with(facts, values) == path.state, (account, pillar, path)
                        taken[health.calculated_state, path.state] += 1
    assert len(taken) >= 4, taken


def state_with(facts: distance.Pillar, values: dict[str, float]) -> str:
    """The state were the signals to have these values (docs/health.md, "Pillar state" and
    "Pillar score")."""

    def is_met(condition: Condition) -> bool:
        value = values.get(condition.signal_id)
        if value is None or not condition.is_number:
            return bool(condition.is_met)
        threshold = float(condition.resolved_threshold or 0)
        return COMPARE[condition.operator](round(value, 6), round(threshold, 6))

    def holds(rule_set: str) -> bool:
        clauses: dict[str | None, bool] = {}
        for condition in facts.conditions:
            if condition.rule_set == rule_set:
                clauses[condition.clause] = clauses.get(condition.clause, True) and is_met(
                    condition
                )
        return any(clauses.values())

    if facts.has_health_rules:
        return "poor" if holds("poor") else "good" if holds("good") else "average"
    points = {}
    for signal in {condition.signal_id for condition in facts.conditions}:
        rule = {c.rule_set: c for c in facts.conditions if c.signal_id == signal}
        known = signal in values or any(c.is_met is not None for c in rule.values())
        if known:
            is_poor = "poor_band" in rule and is_met(rule["poor_band"])
            is_healthy = "healthy" in rule and is_met(rule["healthy"])
            points[signal] = 10 if is_healthy else 0 if is_poor else 5
    weight = sum(facts.weights[signal] for signal in points)
    score = sum(facts.weights[signal] * value for signal, value in points.items()) / weight
    good_from, poor_below = facts.bands
    return "good" if score >= good_from else "poor" if score < poor_below else "average"


# health trend, transitions, flaps, portfolio, calibrate


def test_a_trend_has_the_accounts_of_each_month_s_last_date(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        ends = last_of_periods([START + timedelta(days=n) for n in range(65)], "month")
        assert ends == [date(2026, 9, 30), date(2026, 10, 31), END]
        for by in ("all", "csm", "pillar"):
            found: Counter[tuple[str, date]] = Counter()
            for group, day, _, accounts, _ in trend.states_by_date(connection, by, "overall", ends):
                found[group, day] += accounts
            for day in ends:
                [(expected,)] = warehouse.query(
                    "select count(*) from health.account_health_history"
                    f" where health_date = '{day}'"
                )
                groups = {group for group, _ in found} if by == "pillar" else {None}
                for group in groups:
                    total = sum(
                        n for (name, d), n in found.items() if d == day and group in (None, name)
                    )
                    assert total == expected, (by, group, day)


def test_a_segment_s_trend_has_all_its_members(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        rows = trend.states_by_date(connection, "segment", "overall", [END])
    members = dict(
        warehouse.query(
            "select segment_id, count(*) from health.segment_membership"
            f" where health_date = '{END}' and membership = 'member' group by segment_id"
        )
    )
    found: Counter[str] = Counter()
    for segment, _, _, accounts, _ in rows:
        found[segment] += accounts
    assert dict(found) == members
    assert "expansion_candidates" in members


def test_transitions_count_every_account_of_either_date(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        report = transitions.report_of(connection, START, END, "overall", 100)
    [matrix, worse] = [part for part in report.parts if not isinstance(part, str)]
    accounts = sum(
        int(cell.split()[0].replace(",", "")) for row in matrix.rows for cell in row[1:] if cell
    )
    [(expected,)] = warehouse.query(
        "select count(distinct account_id) from health.account_health_history"
        f" where health_date in ('{START}', '{END}')"
    )
    assert accounts == expected
    fell = warehouse.query(
        "select previous.account_id from health.account_health_history as previous"
        " inner join health.account_health_history as latter using (account_id)"
        f" where previous.health_date = '{START}' and latter.health_date = '{END}'"
        " and (previous.overall_state, latter.overall_state) in"
        " (('good', 'average'), ('good', 'poor'), ('average', 'poor'))"
    )
    shown = {re.search(r"\((\w+)\)$", row[0])[1] for row in worse.rows}  # type: ignore[index]
    assert shown == {account for (account,) in fell}
    assert shown


def test_a_flap_is_a_change_that_is_soon_undone() -> None:
    histories = {
        "steady": "GGGGGGGGGG",
        "declined": "GGGGGPPPPP",
        "flapped": "GGGPPGGGGG",
        "slow": "GGPPPPPPGG",
        "twice": "GGPGPGGGGG",
        "early": "GPGGGGGGGG",
    }
    states = {"G": "good", "P": "poor"}
    with duckdb.connect() as connection:
        connection.execute("create schema health")
        connection.execute(
            "create table health.account_health_history (health_date date, account_id text,"
            " segment_id text, csm_email text, mrr double, overall_state text)"
        )
        connection.execute(
            "create table health.pillar_health_history (health_date date, account_id text,"
            " pillar_id text, segment_id text, state text)"
        )
        for account, letters in histories.items():
            for number, letter in enumerate(letters):
                day = END - timedelta(days=len(letters) - 1 - number)
                connection.execute(
                    "insert into health.account_health_history values (?, ?, null, null, 1, ?)",
                    [day, account, states[letter]],
                )
        rows = flaps.count_flaps(connection, END, days=7, within=3)
    # GPGPG goes back three times: to good, to poor, to good. `early` was back before the 7 days.
    assert {account: number for _, account, number in rows} == {
        "steady": 0,
        "declined": 0,
        "flapped": 1,
        "slow": 0,
        "twice": 3,
        "early": 0,
    }


def test_a_portfolio_names_poor_accounts_and_those_that_fell(
    warehouse: Warehouse, command: Command
) -> None:
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        report = portfolio.report_of(connection, None, 100)
    [summary, *calls] = [part for part in report.parts if not isinstance(part, str)]
    [(accounts, poor)] = warehouse.query(
        "select count(*), count(*) filter (overall_state = 'poor') from health.account_health"
    )
    assert sum(int(row[1]) for row in summary.rows) == accounts
    named = [row for table in calls for row in table.rows]
    assert sum(row[1] == "poor" for row in named) == poor > 0
    assert all(row[6] for row in named if row[1] == "poor" and row[5])
    assert "There are: " in command("portfolio", "--csm", "nobody_here").output


def test_calibration_is_shown_with_units(command: Command, copy: Path) -> None:
    change(copy, "drop table if exists health.threshold_calibration")
    missing = command("calibrate", file=copy)
    assert missing.exit_code == 1
    assert "no table health.threshold_calibration yet" in missing.output
    change(
        copy,
        "create table health.threshold_calibration as select 'standard' as segment_id,"
        " 'service' as pillar_id, 'poor' as rule_set, '1' as clause, 'open_tickets' as signal_id,"
        " '>=' as operator, '2' as threshold, 40 as accounts, 3 as missing, 0.25 as matched_share,"
        " 0.0 as p10, 0.0 as p25, 1.0 as p50, 2.0 as p75, 4.5 as p90,"
        " 4.5 as threshold_for_10_percent, 2.0 as threshold_for_25_percent,"
        " 1.0 as threshold_for_50_percent",
    )
    output = command("calibrate", "--pillar", "service", file=copy).output
    assert "Segment standard, pillar service" in output
    assert "25%" in output and "0 to 4.5" in output and "(tickets)" in output
    assert command("calibrate", "--segment", "no_such", file=copy).exit_code == 1


def test_pictures_are_drawn(command: Command, tmp_path: Path) -> None:
    for arguments in (("explain", "acc_00001"), ("trend", "--by", "pillar")):
        for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
            file = tmp_path / "pictures" / f"{arguments[0]}.{kind}"
            result = command(*arguments, "--plot", file)
            assert result.exit_code == 0, result.output
            assert file.read_bytes().startswith(start)
    refused = command("trend", "--plot", tmp_path / "trend.gif")
    assert refused.exit_code == 2
    assert "a picture's name ends in .png" in refused.output


def test_markdown_says_the_same_as_the_terminal(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "trend.md"
    output = command("trend", "--by", "segment", "--markdown", file).output
    rows = [line.strip("| ").split(" | ") for line in file.read_text().splitlines() if "|" in line]
    assert len(rows) > 3
    for cells in rows[2:]:
        assert re.search(r"│ +".join(f"{re.escape(cell)} +" for cell in cells), output), cells


def test_the_configuration_is_read_as_the_seeds_say(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        [(version,)] = connection.execute(
            "select config_version from health.health_config_versions"
        ).fetchall()
        configuration = Configuration.of_version(connection, version)
    lines = (ROOT / "seeds" / "metrics.csv").read_text().splitlines()[1:]
    assert set(configuration.metrics) == {line.split(",")[0] for line in lines}
    assert configuration.units["active_users_14d"] == "users"
    assert configuration.bands("strategic") == (7.5, 4.5)
    assert configuration.bands("enterprise") == (6.66, 3.34)
