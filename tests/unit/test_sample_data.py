"""The sample data: the twelve raw tables, alike for a seed, consistent, slightly dirty, safe."""

import csv
from datetime import date, datetime, timedelta
from pathlib import Path

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from orchestration.sample_data import write_sample, writing
from orchestration.sample_data.__main__ import main as command
from orchestration.sample_data.raw_schema import TABLES
from orchestration.sample_data.scenarios import USUAL_LEVELS

END_DATE = date(2026, 11, 23)
DAYS = 120
SEEDS = Path(__file__).parents[2] / "seeds"

# The required columns of each raw table; the first time is the main time.
REQUIRED = {
    "accounts": "account_id account_name created_at",
    "account_attributes": "account_id attribute recorded_at",
    "account_tags": "account_id tag kind added_at",
    "users": "user_id account_id created_at",
    "events": "event_id account_id feature occurred_at",
    "subscriptions": "subscription_id account_id plan_id mrr started_at",
    "invoices": "invoice_id account_id amount issued_at",
    "tickets": "ticket_id account_id created_at",
    "touchpoints": "touchpoint_id account_id channel occurred_at",
    "survey_responses": "response_id account_id kind score responded_at",
    "risk_assessments": "assessment_id account_id risk_score assessed_at",
    "health_overrides": "override_id account_id pillar_id state author created_at",
}
WORDS = {
    ("account_tags", "kind"): {"risk", "confidence", "label"},
    ("tickets", "priority"): {"low", "normal", "high", "urgent"},
    ("touchpoints", "channel"): {
        *("email", "call", "meeting", "webinar", "qbr", "visit", "support", "note"),
    },
    ("survey_responses", "kind"): {"nps", "pulse"},
    ("health_overrides", "state"): {"good", "average", "poor"},
}
RANGES = {
    ("events", "event_count"): (0, None),
    ("subscriptions", "mrr"): (0, None),
    ("subscriptions", "seats"): (0, None),
    ("tickets", "reopens"): (0, None),
    ("tickets", "csat_score"): (1, 5),
    ("survey_responses", "score"): (0, 10),
    ("risk_assessments", "risk_score"): (0, 100),
}
ENDS = {
    "users": ("created_at", "deactivated_at"),
    "tickets": ("created_at", "solved_at"),
    "account_tags": ("added_at", "removed_at"),
    "subscriptions": ("started_at", "ended_at"),
}
FUTURE_COLUMNS = {"renews_at", "due_at", "expires_at"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("sample") / "raw"
    write_sample(target, accounts=120, days=DAYS, end_date=END_DATE)
    return target


@pytest.fixture(scope="module")
def tables(folder: Path) -> dict[str, pd.DataFrame]:
    return {name: read_table(folder, name) for name in REQUIRED}


@pytest.fixture(scope="module")
def good_tables(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {name: frame[~is_faulty(name, tables)] for name, frame in tables.items()}


def read_table(folder: Path, name: str) -> pd.DataFrame:
    path = folder / name if name == "events" else folder / f"{name}.parquet"
    return pd.read_parquet(path)


def main_time(name: str) -> str:
    return next(column for column in REQUIRED[name].split() if column.endswith("_at"))


def is_faulty(name: str, tables: dict[str, pd.DataFrame]) -> pd.Series:
    """Which rows of a table break a rule of docs/raw_tables.md in some way, or repeat another."""
    frame = tables[name]
    columns = TABLES[name].split()
    faulty = frame[REQUIRED[name].split()].isna().any(axis=1)
    faulty |= ~frame["account_id"].isin(tables["accounts"]["account_id"])
    if name not in ("account_attributes", "account_tags"):
        key = [columns[0], "started_at"] if name == "subscriptions" else [columns[0]]
        faulty |= frame.duplicated(key, keep="last")
    faulty |= frame.duplicated([column for column in columns if column != "loaded_at"])
    for (table, column), words in WORDS.items():
        if table == name:
            faulty |= frame[column].notna() & ~frame[column].isin(words)
    for (table, column), (low, high) in RANGES.items():
        if table == name:
            number = pd.to_numeric(frame[column], errors="coerce")
            faulty |= frame[column].notna() & number.isna()
            faulty |= (number < low) | (number > high if high is not None else False)
    if name in ENDS:
        start, end = ENDS[name]
        faulty |= frame[end] < frame[start]
    return faulty


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


# What it writes


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        write_sample(tmp_path / name, seed=seed, accounts=25, days=20, end_date=END_DATE)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one") != contents(tmp_path / "other")


def test_all_twelve_tables_have_their_required_columns(tables: dict[str, pd.DataFrame]) -> None:
    for name, frame in tables.items():
        assert len(frame) > 0, name
        assert set(REQUIRED[name].split()) <= set(frame.columns), name
        assert str(frame[main_time(name)].dtype) == "datetime64[us, UTC]", name


def test_rows_are_counted_by_table(tmp_path: Path) -> None:
    counted = write_sample(tmp_path / "raw", accounts=25, days=20, end_date=END_DATE)
    assert counted == {name: len(read_table(tmp_path / "raw", name)) for name in REQUIRED}


def test_there_is_one_file_of_events_for_each_day(folder: Path) -> None:
    days = [END_DATE - timedelta(days=back) for back in range(DAYS, 0, -1)]
    found = sorted(path.relative_to(folder / "events") for path in folder.glob("events/*/*"))
    assert found == [Path(f"occurred_on={day}") / "part-0.parquet" for day in days]


def test_events_lie_in_the_file_of_their_day(tables: dict[str, pd.DataFrame]) -> None:
    events = tables["events"]
    days = events["occurred_at"].dt.strftime("%Y-%m-%d")
    assert (days == events["occurred_on"].astype(str)).all()


def test_nothing_happens_at_or_after_the_end_date(tables: dict[str, pd.DataFrame]) -> None:
    end = pd.Timestamp(END_DATE, tz="UTC")
    for name, frame in tables.items():
        for column in frame.columns:
            if column.endswith("_at") and column not in FUTURE_COLUMNS:
                assert not (frame[column] >= end).any(), (name, column)
    assert (tables["subscriptions"]["renews_at"] > end).any()


def test_no_source_is_stale_on_any_day_that_has_history(
    tables: dict[str, pd.DataFrame],
) -> None:
    with (SEEDS / "sources.csv").open(encoding="utf-8", newline="") as file:
        limits = {row["table_name"]: row["max_age_hours"] for row in csv.DictReader(file)}
    for back in range(DAYS - 2):
        moment = pd.Timestamp(END_DATE - timedelta(days=back), tz="UTC")
        for name, hours in limits.items():
            if hours:
                times = tables[name][main_time(name)]
                age = moment - times[times < moment].max()
                assert age <= pd.Timedelta(hours=float(hours)), (name, moment)


def test_the_size_is_what_was_asked_for(tables: dict[str, pd.DataFrame]) -> None:
    accounts = tables["accounts"]
    assert accounts.loc[~is_faulty("accounts", tables), "account_id"].nunique() == 120
    assert accounts["account_name"].str.contains(r"[^\x00-\x7f]").any()
    assert accounts["csm_email"].nunique() in range(6, 9)
    seats = tables["subscriptions"].groupby("account_id")["seats"].max()
    assert seats.min() < 10
    assert seats.max() > 1000


# Whether it holds together


def test_records_lie_within_the_life_of_their_account(
    good_tables: dict[str, pd.DataFrame],
) -> None:
    accounts = good_tables["accounts"].set_index("account_id")
    for name, frame in good_tables.items():
        started = frame["account_id"].map(accounts["created_at"])
        churned = frame["account_id"].map(accounts["churned_at"])
        moment = frame[main_time(name)]
        assert (moment >= started).all(), name
        assert not (moment > churned).any(), name


def test_users_belong_to_the_account_of_the_record(
    good_tables: dict[str, pd.DataFrame],
) -> None:
    users = good_tables["users"].set_index("user_id")
    for name in ("events", "tickets", "touchpoints", "survey_responses"):
        frame = good_tables[name]
        frame = frame[frame["user_id"].isin(users.index)]
        assert len(frame) > 0
        assert (frame["user_id"].map(users["account_id"]) == frame["account_id"]).all(), name


def test_each_living_account_has_one_current_contract(
    good_tables: dict[str, pd.DataFrame],
) -> None:
    accounts, rows = good_tables["accounts"], good_tables["subscriptions"]
    main = rows[rows["plan_id"] != "insights_add_on"].drop_duplicates(
        "subscription_id", keep="last"
    )
    assert set(main["account_id"]) == set(accounts["account_id"])
    living = set(accounts.loc[accounts["churned_at"].isna(), "account_id"])
    assert set(main.loc[main["ended_at"].isna(), "account_id"]) == living


def test_attributes_of_the_configuration_are_recorded(tables: dict[str, pd.DataFrame]) -> None:
    with (SEEDS / "attributes.csv").open(encoding="utf-8", newline="") as file:
        attributes = {row["attribute_id"] for row in csv.DictReader(file)}
    assert attributes <= set(tables["account_attributes"]["attribute"])


def test_words_that_the_configuration_names_occur(tables: dict[str, pd.DataFrame]) -> None:
    """Tags, channels, features and modules: a row that names another would act on nothing."""
    rows: dict[str, list[dict[str, str]]] = {}
    for name in ("metrics", "health_rules", "segment_rules", "milestones"):
        with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows[name] = list(csv.DictReader(file))
    columns = {
        "tag": tables["account_tags"]["tag"],
        "channel": tables["touchpoints"]["channel"],
        "feature": tables["events"]["feature"],
        "module": tables["events"]["module"],
    }
    for column, found in columns.items():
        named = {
            word
            for row in rows["metrics"]
            if row["dimension"] == column
            for word in row["dimension_values"].split("|")
        }
        named |= {
            word
            for name in ("health_rules", "segment_rules", "milestones")
            for row in rows[name]
            if row["signal_id"] == column
            for word in (row.get("threshold") or row["value"]).split("|")
        }
        assert named
        assert named <= set(found), column


# Scenarios


def test_a_share_of_the_accounts_churns_all_over_the_period(
    good_tables: dict[str, pd.DataFrame],
) -> None:
    accounts = good_tables["accounts"]
    churned = accounts["planted_churn_at"].dropna()
    assert 0.12 <= len(churned) / len(accounts) <= 0.18
    assert accounts["churned_at"].equals(accounts["planted_churn_at"])
    days_before_end = (pd.Timestamp(END_DATE, tz="UTC") - churned).dt.days
    for first, last in ((0, 30), (30, 60), (60, 90)):
        assert days_before_end.between(first, last).any()
    assert days_before_end.max() < DAYS


def test_every_fate_occurs(good_tables: dict[str, pd.DataFrame]) -> None:
    assert set(good_tables["accounts"]["planted_scenario"]) == set(USUAL_LEVELS)


def test_those_who_fade_use_less_before_they_churn_and_sudden_ones_do_not(
    good_tables: dict[str, pd.DataFrame],
) -> None:
    events = good_tables["events"]
    lasting: dict[str, list[float]] = {"fading": [], "churned_suddenly": []}
    for account in good_tables["accounts"].dropna(subset="planted_churn_at").itertuples():
        if account.planted_scenario in lasting:
            moments = events.loc[events["account_id"] == account.account_id, "occurred_at"]
            weeks_left = (account.planted_churn_at - moments).dt.days // 7
            earlier = weeks_left.between(4, 7).sum()
            if earlier:
                lasting[account.planted_scenario].append(weeks_left.between(0, 3).sum() / earlier)
    assert pd.Series(lasting["fading"]).median() < 0.6
    assert pd.Series(lasting["churned_suddenly"]).median() > 0.75


# Dirt


def test_a_little_dirt_is_in_the_data(tables: dict[str, pd.DataFrame]) -> None:
    shares = {name: is_faulty(name, tables).mean() for name in tables}
    assert max(shares.values()) < 0.02, shares
    assert min(shares[name] for name in tables if len(tables[name]) > 100) > 0, shares
    reasons = {
        "exact copies": tables["touchpoints"].duplicated().sum(),
        "unknown accounts": (tables["events"]["account_id"] == "acc_gone").sum(),
        "missing values": tables["users"]["account_id"].isna().sum(),
        "unknown words": (
            ~tables["touchpoints"]["channel"].isin(WORDS["touchpoints", "channel"])
        ).sum(),
        "ends before starts": (
            tables["tickets"]["solved_at"] < tables["tickets"]["created_at"]
        ).sum(),
    }
    assert all(count > 0 for count in reasons.values()), reasons


# Safety


def test_a_sample_is_replaced_by_the_next(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_sample(tmp_path / "raw", seed=seed, accounts=12, days=5, end_date=END_DATE)
    write_sample(tmp_path / "fresh", seed=2, accounts=12, days=5, end_date=END_DATE)
    assert contents(tmp_path / "raw") == contents(tmp_path / "fresh")
    assert {path.name for path in tmp_path.iterdir()} == {"raw", "fresh"}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    write_sample(tmp_path / "raw", accounts=12, days=5, end_date=END_DATE)
    assert (tmp_path / "raw" / "accounts.parquet").exists()


@pytest.mark.parametrize("foreign", ["accounts.csv", "events/mine.parquet", "accounts.parquet"])
def test_files_of_others_are_never_lost(tmp_path: Path, foreign: str) -> None:
    folder = tmp_path / "raw"
    write_sample(folder, accounts=12, days=5, end_date=END_DATE)
    (folder / foreign).write_text("mine")
    before = contents(folder)
    with pytest.raises(click.ClickException, match=foreign):
        write_sample(folder, accounts=12, days=5, end_date=END_DATE)
    assert contents(folder) == before


def test_a_marker_of_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".sample").write_text("mine")
    with pytest.raises(click.ClickException, match="such as .sample"):
        write_sample(tmp_path, accounts=12, days=5, end_date=END_DATE)
    assert (tmp_path / ".sample").read_text() == "mine"


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "raw").write_text("mine")
    with pytest.raises(click.ClickException, match="not a folder"):
        write_sample(tmp_path / "raw", accounts=12, days=5, end_date=END_DATE)


def test_an_interrupted_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "raw"

    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(writing, "write_events", killed)
        with pytest.raises(KeyboardInterrupt):
            write_sample(folder, accounts=12, days=5, end_date=END_DATE)
        assert not folder.exists()
    write_sample(folder, accounts=12, days=5, end_date=END_DATE)
    before = contents(folder)
    with monkeypatch.context() as patch:
        patch.setattr(writing, "write_events", killed)
        with pytest.raises(KeyboardInterrupt):
            write_sample(folder, seed=8, accounts=12, days=5, end_date=END_DATE)
    assert contents(folder) == before
    write_sample(folder, seed=8, accounts=12, days=5, end_date=END_DATE)
    assert {path.name for path in tmp_path.iterdir()} == {"raw"}


# On the command line


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    arguments = ["--folder", str(tmp_path / "raw"), "--accounts", "12", "--days", "5"]
    result = CliRunner().invoke(command, [*arguments, "--end-date", "2026-11-23"])
    assert result.exit_code == 0, result.output
    assert all(name in result.output for name in REQUIRED)


def test_the_command_refuses_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    result = CliRunner().invoke(command, ["--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "notes.txt" in result.output


def test_without_an_end_date_the_records_reach_up_to_today(tmp_path: Path) -> None:
    write_sample(tmp_path / "raw", accounts=12, days=3)
    events = read_table(tmp_path / "raw", "events")
    today = pd.Timestamp(datetime.now().astimezone()).tz_convert("UTC").normalize()
    assert events["occurred_at"].max() < today
    assert events["occurred_at"].min() >= today - pd.Timedelta(days=3)
