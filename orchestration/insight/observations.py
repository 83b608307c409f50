"""Observations: what health said of each account on a date, and whether it left afterwards.

Only what the history said on the date stands beside the label; the label is the account's next
churn date on or after it. Calculated states are used: an override is a person's word, not the
rules'.
"""

import csv
from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import click
import duckdb
import numpy as np
import pandas as pd

from orchestration.insight.accounts import require_table
from orchestration.insight.prediction import Sample
from orchestration.warehouse.configuration import Configuration

HEALTH = """
    select
        health_date, account_id, 'overall' as pillar_id, segment_id,
        calculated_overall_state as state, overall_score as score, mrr
    from health.account_health_history
    where list_contains($dates, health_date)
    union all
    select
        pillars.health_date, pillars.account_id, pillars.pillar_id, pillars.segment_id,
        pillars.calculated_state as state, pillars.score, accounts.mrr
    from health.pillar_health_history as pillars
    inner join health.account_health_history as accounts
        on pillars.health_date = accounts.health_date
        and pillars.account_id = accounts.account_id
    where list_contains($dates, pillars.health_date)
    order by pillar_id, health_date, account_id
"""
METRIC = """
    select health_date, account_id, value
    from health.pillar_metrics_history
    where metric_id = $metric and list_contains($dates, health_date)
"""
METRICS = """
    from health.pillar_metrics_history
    where list_contains($dates, health_date)
    group by health_date, account_id
"""
CHURN = """
    select account_id, cast(churned_at as date)
    from health.account_churn
    where churned_at is not null
"""
CREATED = """
    select account_id, cast(created_at as date)
    from health.account_churn
"""
USED_CONFIGURATIONS = """
    select config_version, count(distinct health_date), max(health_date) as last_date
    from health.account_health_history
    where list_contains($dates, health_date)
    group by config_version
    order by last_date desc, config_version
"""


@dataclass(frozen=True)
class Labels:
    """When accounts left: every date of each account, in order, and where that is from."""

    dates: dict[str, list[date]]
    source: str

    def next_after(self, account: str, day: date) -> date | None:
        """The account's first churn date on or after the day."""
        known = self.dates.get(account, [])
        position = bisect_left(known, day)
        return known[position] if position < len(known) else None


def published_labels(connection: duckdb.DuckDBPyConnection) -> Labels:
    require_table(connection, "account_churn")
    rows = connection.execute(CHURN).fetchall()
    return Labels({account: [day] for account, day in rows}, "churned_at of the accounts")


def labels_of_file(file: Path, column: str) -> Labels:
    """A CSV file with account_id and a column of dates; an account may leave more than once."""
    found: dict[str, set[date]] = {}
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        missing = {"account_id", column} - set(reader.fieldnames or [])
        if missing:
            raise click.ClickException(
                f"{file} has no column {' and no column '.join(sorted(missing))}; it has"
                f" {', '.join(reader.fieldnames or ['none'])}. --label-column names the dates."
            )
        for number, row in enumerate(reader, start=2):
            text = (row[column] or "").strip()
            if not text:
                continue
            try:
                day = datetime.fromisoformat(text).date()
            except ValueError as problem:
                raise click.ClickException(
                    f"{file}, line {number}: {text!r} in {column} is no date (YYYY-MM-DD)."
                ) from problem
            found.setdefault(row["account_id"].strip(), set()).add(day)
    return Labels(
        {account: sorted(days) for account, days in found.items()}, f"{column} of {file.name}"
    )


def chosen_dates(
    dates: list[date], first: date | None, last: date | None, every: int
) -> list[date]:
    """Dates of the history in the range, one in every so many days, counted from the last."""
    kept: list[date] = []
    for day in reversed(dates):
        is_in_range = (first is None or day >= first) and (last is None or day <= last)
        if is_in_range and (not kept or (kept[-1] - day).days >= every):
            kept.append(day)
    return kept[::-1]


def observe(
    connection: duckdb.DuckDBPyConnection, dates: list[date], labels: Labels
) -> pd.DataFrame:
    """One row per date, account and pillar or `overall`, with the account's age and days left."""
    frame = connection.execute(HEALTH, {"dates": dates}).df()
    frame["health_date"] = pd.to_datetime(frame["health_date"]).dt.date
    keys = frame[["account_id", "health_date"]].drop_duplicates()
    leaving = [
        labels.next_after(account, day) for account, day in keys.itertuples(index=False, name=None)
    ]
    keys["leaves_on"] = leaving
    keys["days_left"] = [
        np.nan if left is None else float((left - day).days)
        for left, day in zip(leaving, keys["health_date"], strict=True)
    ]
    created = dict(connection.execute(CREATED).fetchall())
    # An account that the raw data has no longer is as old as its first date says at least.
    first_seen = keys.groupby("account_id")["health_date"].min()
    keys["age_days"] = [
        float((day - created.get(account, first_seen[account])).days)
        for account, day in zip(keys["account_id"], keys["health_date"], strict=True)
    ]
    return frame.merge(keys, on=["account_id", "health_date"], how="left")


def add_metric(
    connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, metric: str, column: str
) -> pd.DataFrame:
    """The frame with a metric's value beside each row."""
    dates = sorted(set(frame["health_date"]))
    values = connection.execute(METRIC, {"metric": metric, "dates": dates}).df()
    values["health_date"] = pd.to_datetime(values["health_date"]).dt.date
    values = values.rename(columns={"value": column})
    return frame.merge(values, on=["health_date", "account_id"], how="left")


def add_metrics(
    connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, columns: dict[str, str]
) -> pd.DataFrame:
    """The frame with the values of many metrics beside each row, each in its column."""
    dates = sorted(set(frame["health_date"]))
    names = {f"metric_{place}": metric for place, metric in enumerate(columns)}
    folded = ", ".join(
        f"max(value) filter (metric_id = ${name}) as {columns[metric]}"
        for name, metric in names.items()
    )
    values = connection.execute(
        f"select health_date, account_id{', ' if folded else ''}{folded}{METRICS}",
        {"dates": dates, **names},
    ).df()
    values["health_date"] = pd.to_datetime(values["health_date"]).dt.date
    return frame.merge(values, on=["health_date", "account_id"], how="left")


def days_since_event_metric(configuration: Configuration) -> str | None:
    """The metric that holds the days since an account's last event of any kind."""
    for metric, row in sorted(configuration.metrics.items()):
        if row["measure"] == "days_since_last_event" and not row["dimension"]:
            return metric
    return None


def used_configurations(
    connection: duckdb.DuckDBPyConnection, dates: list[date]
) -> list[Configuration]:
    """The configurations that the dates were calculated with, that of the latest date first."""
    rows = connection.execute(USED_CONFIGURATIONS, {"dates": dates}).fetchall()
    return [Configuration.of_version(connection, version) for version, _, _ in rows]


def known_by(frame: pd.DataFrame, horizon: int, known_until: date) -> pd.DataFrame:
    """Rows whose outcome within the horizon is known, with `leaves` saying what it was."""
    last = known_until - timedelta(days=horizon)
    kept = frame[frame["health_date"] <= last].copy()
    kept["leaves"] = (kept["days_left"] < horizon).to_numpy(dtype=bool)
    return kept


def sample_of(known: pd.DataFrame, *risks: np.ndarray, groups: np.ndarray | None = None) -> Sample:
    """The known rows as observations, with risks in their order."""
    accounts = pd.factorize(known["account_id"])[0]
    return Sample(accounts, known["leaves"].to_numpy(dtype=bool), risks, groups)
