"""The example of a company with its own tables: its mapping, and every figure its README quotes.

The data is other people's and no part of the repository: without ../shared/data nothing is run.
"""

import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from comparison import differences
from pipeline import ROOT, Warehouse
from reference import calculate

from orchestration.cli import main
from orchestration.publishing.publication import publish

EXAMPLE = ROOT / "examples" / "ravenstack"
SOURCE = ROOT.parent / "shared" / "data" / "ravenstack"
README = (EXAMPLE / "README.md").read_text()
# Prose is wrapped anywhere; tables and commands are not.
PROSE = re.sub(r"\s+", " ", README)

END = date(2025, 1, 1)  # the midnight that ends the data
MIDDLE = date(2024, 6, 30)
WEEKS = (date(2024, 8, 1), date(2024, 8, 29))
DATES = {"end": (date(2024, 12, 31), END), "middle": (MIDDLE, MIDDLE)}

pytestmark = [
    pytest.mark.skipif(not SOURCE.exists(), reason="the folder ../shared/data is not there"),
]


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The raw folder that the README's own command makes, and what it printed."""
    raw = tmp_path_factory.mktemp("ravenstack") / "raw"
    [command] = re.findall(r"^\.venv/bin/python (.*)$", README, re.MULTILINE)
    arguments = command.replace("data/ravenstack/raw", str(raw)).split()
    arguments[arguments.index("../shared/data/ravenstack")] = str(SOURCE)
    run = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return raw, run.stdout


@pytest.fixture(scope="module")
def warehouses(
    mapping: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Warehouse]:
    """A warehouse for the end of the data, and one for a date in its middle by itself."""
    raw, _ = mapping
    built = {}
    for name, (start, end) in DATES.items():
        folder = tmp_path_factory.mktemp(name)
        built[name] = Warehouse(folder / "warehouse.duckdb", raw)
        built[name].calculate(start, end)
    return built


def company(sql: str) -> list[tuple]:
    """Ask the company's own tables."""
    with duckdb.connect() as connection:
        for file in SOURCE.glob("ravenstack_*.csv"):
            table = file.stem.removeprefix("ravenstack_")
            connection.execute(f"create view {table} as select * from read_csv('{file}')")
        return connection.execute(sql).fetchall()


def table_row(*cells: object) -> str:
    """The cells as a row of a table of the README."""
    return f"| {' | '.join(f'{c:,}' if isinstance(c, int) else str(c) for c in cells)} |"


# The mapping


def test_the_readme_says_how_many_rows_are_mapped(mapping: tuple[Path, str]) -> None:
    raw, printed = mapping
    files = {file.stem: file for file in raw.iterdir()}
    assert set(files) == {"accounts", "account_attributes", "events", "subscriptions", "tickets"}
    for table, file in files.items():
        [(rows,)] = duckdb.execute("select count(*) from read_parquet(?)", [str(file)]).fetchall()
        assert re.search(rf"^{table} +{rows:,} rows$", printed, re.MULTILINE), printed
        assert f" | {table} | {rows:,} |\n" in README, table


def test_an_account_leaves_when_its_last_subscription_has_ended(tmp_path: Path) -> None:
    """Nobody has left by the data, so the rule is shown on three more accounts."""
    source = tmp_path / "source"
    source.mkdir()
    for file in SOURCE.glob("*.csv"):
        shutil.copyfile(file, source / file.name)
    with (source / "ravenstack_accounts.csv").open("a") as file:
        for account in ("left", "stays", "never_bought"):
            file.write(f"{account},Name,EdTech,US,2024-01-01,ads,Basic,5,False,True\n")
    with (source / "ravenstack_subscriptions.csv").open("a") as file:
        for number, account, end in (
            (1, "left", "2024-03-01"),
            (2, "left", "2024-05-01"),
            (3, "stays", "2024-05-01"),
            (4, "stays", ""),
        ):
            file.write(
                f"S-{number},{account},2024-02-01,{end},Basic,5,95,1140,"
                "False,False,False,False,monthly,True\n"
            )
    raw = tmp_path / "raw"
    subprocess.run(
        [sys.executable, EXAMPLE / "map.py", "--source", source, "--target", raw], check=True
    )
    churned = duckdb.execute(
        "select account_id, churned_at from read_parquet(?) where churned_at is not null",
        [str(raw / "accounts.parquet")],
    ).fetchall()
    assert churned == [("left", date(2024, 5, 1))]


# What the pipeline makes of it


@pytest.mark.parametrize("name", DATES)
def test_every_account_in_scope_has_a_row_for_each_pillar(
    name: str, warehouses: dict[str, Warehouse]
) -> None:
    start, end = DATES[name]
    accounts = company("select account_id, signup_date from accounts")
    expected = {
        (date.fromordinal(day), account)
        for day in range(start.toordinal(), end.toordinal() + 1)
        for account, signed_up in accounts
        if signed_up.toordinal() <= day
    }
    found = warehouses[name].query(
        "select health_date, account_id, count(distinct pillar_id), count(*)"
        " from health.pillar_health_history group by all"
    )
    assert {row[:2] for row in found} == expected
    assert {row[2:] for row in found} == {(5, 5)}


@pytest.mark.parametrize("name", DATES)
def test_every_usage_row_is_counted_or_rejected_or_a_copy(
    name: str, mapping: tuple[Path, str], warehouses: dict[str, Warehouse]
) -> None:
    raw, _ = mapping
    health_date = DATES[name][1]
    [(rows, distinct)] = duckdb.execute(
        "select count(*), count(distinct events) from read_parquet(?) as events"
        " where occurred_at < ?",
        [str(raw / "events.parquet"), health_date],
    ).fetchall()
    [(counted,)] = warehouses[name].query(
        "select rows_before_date from health.source_status"
        f" where table_name = 'events' and health_date = '{health_date}'"
    )
    [(rejected,)] = warehouses[name].query(
        "select count(*) from health.rejected_records where table_name = 'events'"
        f" and effect = 'row_rejected' and record_time < '{health_date}'"
    )
    copies = rows - distinct
    assert rows == counted + rejected + copies
    assert rejected == 0


@pytest.mark.parametrize("name", DATES)
def test_the_pipeline_equals_the_reference(
    name: str, mapping: tuple[Path, str], warehouses: dict[str, Warehouse]
) -> None:
    """The random worlds are made by us; this data is not."""
    raw, _ = mapping
    expected = calculate(raw, ROOT / "seeds", *DATES[name])
    with duckdb.connect(str(warehouses[name].path), read_only=True) as connection:
        found = differences(expected, connection)
    assert not found, "\n".join(found)


# What health foretells there


@pytest.fixture(scope="module")
def four_weeks(mapping: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A month in the middle, of the accounts that had signed up before it: nothing is rejected."""
    raw, _ = mapping
    folder = tmp_path_factory.mktemp("four_weeks")
    known = folder / "raw"
    known.mkdir()
    accounts = f"select account_id from '{raw}/accounts.parquet' where created_at < '{WEEKS[0]}'"
    for file in raw.glob("*.parquet"):
        duckdb.execute(
            f"copy (select * from '{file}' where account_id in ({accounts}))"
            f" to '{known / file.name}'"
        )
    built = Warehouse(folder / "warehouse.duckdb", known)
    built.calculate(*WEEKS, "--exclude-resource-type", "test")
    publish(built.settings, "test", *WEEKS)
    return built


def test_the_company_s_churn_is_foretold_by_nothing(four_weeks: Warehouse) -> None:
    """Its churn events carry no signal: a score that foretells them leaks."""
    result = CliRunner().invoke(
        main,
        [
            *("backtest", "--published-only", "--known-until", str(END)),
            *("--labels", str(SOURCE / "ravenstack_churn_events.csv")),
            *("--label-column", "churn_date"),
        ],
        env=four_weeks.settings.environment,
    )
    assert result.exit_code == 0, result.output
    # What tells who leaves is how old an account is, which the score knows too.
    assert "but among accounts of like age no better than chance: age explains it" in result.output
    left = re.search(r"left: (\d+) within 30 days, (\d+) within 60 days", result.output)
    assert left and int(left[1]) > 20, "enough accounts left to have found something"


# The figures of the README


def test_the_readme_says_which_states_come_out(warehouses: dict[str, Warehouse]) -> None:
    rows = warehouses["end"].query(
        f"""
        with states as (
            select pillar_id, state from health.pillar_health_history where health_date = '{END}'
            union all
            select 'overall', overall_state from health.account_health
        )
        select
            pillar_id,
            count(*) filter (state = 'good'),
            count(*) filter (state = 'average'),
            count(*) filter (state = 'poor'),
            count(*) filter (state = 'not_calculated')
        from states
        group by pillar_id
        """
    )
    assert len(rows) == 6
    for row in rows:
        assert f"\n{table_row(*row)}\n" in README, row


def test_the_readme_says_why_there_is_no_state(warehouses: dict[str, Warehouse]) -> None:
    found = warehouses["end"].query(
        f"""
        select pillar_id, segment_id = 'onboarding', reason, count(*)
        from health.pillar_health_history
        where health_date = '{END}' and state = 'not_calculated' and pillar_id = 'financial'
        group by all
        union all
        select distinct pillar_id, null, reason, null
        from health.pillar_health_history
        where health_date = '{END}' and state = 'not_calculated' and pillar_id <> 'financial'
        order by all
        """
    )
    assert found == [
        ("external", None, "source_unavailable", None),
        ("financial", False, "no_data", 6),
        ("financial", True, "no_data", 78),
        ("relationship", None, "source_unavailable", None),
    ]
    assert "84 accounts have no data at all (`no_data`): 78 in onboarding" in PROSE
    assert "and 6 without revenue 90 days earlier" in PROSE


def test_the_readme_says_what_is_not_to_be_believed(warehouses: dict[str, Warehouse]) -> None:
    [(only, poor)] = warehouses["end"].query(
        f"""
        with clauses as (
            select
                account_id,
                bool_and(coalesce(is_met, false)) as holds,
                bool_or(regexp_matches(signal_id, 'user|license|automation|dashboard')) as is_about
            from health.health_explanations
            where health_date = '{END}' and pillar_id = 'product_adoption' and rule_set = 'poor'
            group by account_id, clause
        ),
        accounts as (
            select bool_and(is_about) as is_only from clauses where holds group by account_id
        )
        select count(*) filter (is_only), count(*) from accounts
        """
    )
    assert f"{only} of the {poor} poor accounts are poor only by conditions on users" in PROSE
    [(many,)] = warehouses["end"].query(
        "select count(*) from health.pillar_metrics_history"
        f" where health_date = '{END}' and metric_id = 'features_used_14d' and value >= 5"
    )
    assert f"{many} accounts used five features or more in 14 days" in PROSE
    segments = dict(
        warehouses["end"].query("select segment_id, count(*) from health.account_health group by 1")
    )
    assert set(segments) == {"onboarding", "enterprise", "standard"}
    assert (
        f"{segments['onboarding']} accounts are in `onboarding`, {segments['enterprise']} in"
        f" `enterprise`, {segments['standard']} in `standard`." in PROSE
    )


def test_the_readme_says_what_is_rejected(warehouses: dict[str, Warehouse]) -> None:
    for warehouse in warehouses.values():
        assert warehouse.query("select * from health.rejected_records") == []
        assert not warehouse.query("select * from health.source_status where status = 'broken'")
    assert "Nothing, on 2025-01-01 or on any date before it" in PROSE
    [(in_scope,)] = warehouses["middle"].query("select count(*) from health.account_health")
    [(signed_up,)] = company(f"select count(*) from accounts where signup_date <= '{MIDDLE}'")
    assert in_scope == signed_up < 500, "those who signed up later are not in scope yet"


@pytest.mark.parametrize(
    ("sentence", "sql"),
    [
        ("`churn_flag` of {} accounts", "select count(*) from accounts where churn_flag"),
        (
            "{} churn events of {} accounts, {} of them called a reactivation",
            "select count(*), count(distinct account_id), count(*) filter (is_reactivation)"
            " from churn_events",
        ),
        (
            "{} ended subscriptions in {} accounts",
            "select count(*), count(distinct account_id) from subscriptions"
            " where end_date is not null",
        ),
        (
            "All {} accounts, flagged or not, have subscriptions that are open and paid for",
            "select count(distinct account_id) from subscriptions"
            " where end_date is null and mrr_amount > 0",
        ),
        (
            "{} usage rows are dated before their subscription's start, {} after its end;"
            " {} before the account's signup",
            "select count(*) filter (usage_date < start_date),"
            " count(*) filter (usage_date > end_date), count(*) filter (usage_date < signup_date)"
            " from feature_usage join subscriptions using (subscription_id)"
            " join accounts using (account_id)",
        ),
        (
            "Usage rows are daily counts; {} of them are 0.",
            "select count(*) from feature_usage where usage_count = 0",
        ),
        (
            "Every usage id occurs once; {} times a subscription has two rows for the same"
            " feature and day",
            "with days as (select count(*) as usage_rows, max(same_id) as same_id from"
            " (select *, count(*) over (partition by usage_id) as same_id from feature_usage)"
            " group by subscription_id, feature_name, usage_date)"
            " select count(*) filter (usage_rows = 2) from days"
            " having max(usage_rows) = 2 and max(same_id) = 1",
        ),
        (
            "Accounts have {} open subscriptions on average",
            "select round(count(*) / (select count(*) from accounts), 1)::varchar"
            " from subscriptions where end_date is null",
        ),
        (
            "{} subscriptions are trials, without revenue",
            "select count(*) from subscriptions where is_trial having max(mrr_amount) = 0",
        ),
        (
            "each subscription has one row",
            "select count(*) from subscriptions having count(*) = count(distinct subscription_id)",
        ),
        (
            "{} of {} tickets precede their account's signup",
            "select count(*) filter (submitted_at < signup_date), count(*)"
            " from support_tickets join accounts using (account_id)",
        ),
        (
            "{} have a first reply after they were closed",
            "select count(*) from support_tickets"
            " where submitted_at + to_minutes(first_response_time_minutes) > closed_at",
        ),
        (
            "{} tickets have no rating",
            "select count(*) from support_tickets where satisfaction_score is null",
        ),
        (
            "every ticket is closed within three days, and no rating is below {}",
            "select min(satisfaction_score) from support_tickets"
            " having bool_and(closed_at <= submitted_at + interval 3 day)",
        ),
    ],
)
def test_the_readme_says_what_is_odd(sentence: str, sql: str) -> None:
    [numbers] = company(sql)
    values = (f"{number:,}" if isinstance(number, int) else number for number in numbers)
    assert sentence.format(*values) in PROSE
