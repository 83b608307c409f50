"""Product adoption on one health date with pandas and with Polars, from the raw Parquet files."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

AUTOMATION = ["automation_run", "automation_edit"]


def with_pandas(raw: Path, night: date) -> Any:
    """One row per account in scope, one column per metric."""
    import numpy as np
    import pandas as pd

    end = pd.Timestamp(night)

    def before(days: int) -> Any:
        return end - pd.Timedelta(days=days)

    events = pd.read_parquet(
        raw / "events",
        columns=["account_id", "user_id", "feature", "module", "occurred_at", "event_count"],
    )
    events = events[events.occurred_at < end]
    events["day"] = events.occurred_at.dt.floor("D")
    accounts = pd.read_parquet(raw / "accounts.parquet")
    accounts = accounts[
        (accounts.created_at < end + pd.Timedelta(days=1))
        & (accounts.churned_at.isna() | (accounts.churned_at >= end))
    ].set_index("account_id")
    users = pd.read_parquet(raw / "users.parquet")
    users = users[users.created_at < end]
    subscriptions = pd.read_parquet(raw / "subscriptions.parquet")
    is_active = (subscriptions.started_at < end) & (
        subscriptions.ended_at.isna() | (subscriptions.ended_at >= end)
    )
    seats = subscriptions[is_active].groupby("account_id").seats.sum().reindex(accounts.index)

    last = events.groupby(["account_id", "user_id"]).day.max().rename("last_day").reset_index()

    def per_account(series: Any) -> Any:
        return series.reindex(accounts.index).fillna(0)

    def active_users(days: int) -> Any:
        return per_account(last[last.last_day >= before(days)].groupby("account_id").size())

    def total(rows: Any) -> Any:
        return per_account(rows.groupby("account_id").event_count.sum())

    known = users.merge(last, on=["account_id", "user_id"], how="outer")
    known = known[known.deactivated_at.isna() | (known.deactivated_at >= end)]
    known_users = known.groupby("account_id").size().reindex(accounts.index)
    known_active = per_account(known[known.last_day >= before(30)].groupby("account_id").size())
    recent = events[events.day >= before(14)].groupby("account_id")
    earlier = total(events[(events.day >= before(56)) & (events.day < before(28))])
    last_day = events.groupby("account_id").day.max().reindex(accounts.index)
    return pd.DataFrame(
        {
            "events_30d": total(events[events.day >= before(30)]),
            "features_used_14d": per_account(recent.feature.nunique()),
            "modules_used_30d": per_account(
                events[events.day >= before(30)].groupby("account_id").module.nunique()
            ),
            "active_users_14d": active_users(14),
            "active_days_14d": per_account(recent.day.nunique()),
            "inactive_users_30d": (known_users - known_active).fillna(0),
            "active_user_ratio_30d": known_active / known_users,
            "license_utilization_30d": active_users(30) / seats.replace(0, np.nan),
            "license_utilization_90d": active_users(90) / seats.replace(0, np.nan),
            "days_since_last_event": (
                end - last_day.fillna(accounts.created_at.dt.floor("D"))
            ).dt.days,
            "event_change_ratio_28d": total(events[events.day >= before(28)])
            / earlier.replace(0, np.nan)
            - 1,
            "active_users_lifetime": per_account(last.groupby("account_id").size()),
            "dashboard_events_lifetime": total(events[events.feature == "dashboard_view"]),
            "automation_events_lifetime": total(events[events.feature.isin(AUTOMATION)]),
            "integration_events_lifetime": total(events[events.module == "integrations"]),
        }
    ).reset_index()


def with_polars(raw: Path, night: date) -> Any:
    """One row per account in scope, one column per metric."""
    import polars as pl

    end = datetime(night.year, night.month, night.day)
    column = pl.col

    def since(days: int) -> Any:
        return column("day") >= night - timedelta(days=days)

    events = (
        pl.scan_parquet(raw / "events/**/*.parquet", hive_partitioning=False)
        .filter(column("occurred_at") < end)
        .with_columns(day=column("occurred_at").dt.date())
    )
    accounts = pl.scan_parquet(raw / "accounts.parquet").filter(
        (column("created_at") < end + timedelta(days=1))
        & (column("churned_at").is_null() | (column("churned_at") >= end))
    )
    users = pl.scan_parquet(raw / "users.parquet").filter(column("created_at") < end)
    seats = (
        pl.scan_parquet(raw / "subscriptions.parquet")
        .filter(
            (column("started_at") < end)
            & (column("ended_at").is_null() | (column("ended_at") >= end))
        )
        .group_by("account_id")
        .agg(seats=column("seats").sum())
    )
    last = (
        events.filter(column("user_id").is_not_null())
        .group_by("account_id", "user_id")
        .agg(last_day=column("day").max())
    )

    def seen(days: int) -> Any:
        return (column("last_day") >= night - timedelta(days=days)).sum().cast(pl.Int64)

    active = last.group_by("account_id").agg(
        active_users_14d=seen(14),
        active_users_30d=seen(30),
        active_users_90d=seen(90),
        active_users_lifetime=pl.len().cast(pl.Int64),
    )
    known = (
        users.join(last, on=["account_id", "user_id"], how="full", coalesce=True)
        .filter(column("deactivated_at").is_null() | (column("deactivated_at") >= end))
        .group_by("account_id")
        .agg(known_users=pl.len().cast(pl.Int64), known_active=seen(30))
    )

    def total(condition: Any) -> Any:
        return column("event_count").filter(condition).cast(pl.Int64).sum()

    is_before = (column("day") >= night - timedelta(days=56)) & ~since(28)
    activity = events.group_by("account_id").agg(
        last_day=column("day").max(),
        events_30d=total(since(30)),
        events_28d=total(since(28)),
        events_before=total(is_before),
        features_used_14d=column("feature").filter(since(14)).n_unique(),
        modules_used_30d=column("module").filter(since(30)).n_unique(),
        active_days_14d=column("day").filter(since(14)).n_unique(),
        dashboard_events_lifetime=total(column("feature") == "dashboard_view"),
        automation_events_lifetime=total(column("feature").is_in(AUTOMATION)),
        integration_events_lifetime=total(column("module") == "integrations"),
    )
    per_seat = pl.when(column("seats") > 0).then(column("seats"))
    before = pl.when(column("events_before") > 0).then(column("events_before"))
    counts = [
        *("events_30d", "features_used_14d", "modules_used_30d", "active_users_14d"),
        *("active_days_14d", "active_users_lifetime", "dashboard_events_lifetime"),
        *("automation_events_lifetime", "integration_events_lifetime"),
    ]
    return (
        accounts.join(activity, on="account_id", how="left")
        .join(active, on="account_id", how="left")
        .join(known, on="account_id", how="left")
        .join(seats, on="account_id", how="left")
        .select(
            "account_id",
            *(column(name).fill_null(0) for name in counts),
            (column("known_users") - column("known_active"))
            .fill_null(0)
            .alias("inactive_users_30d"),
            (column("known_active") / column("known_users")).alias("active_user_ratio_30d"),
            (column("active_users_30d").fill_null(0) / per_seat).alias("license_utilization_30d"),
            (column("active_users_90d").fill_null(0) / per_seat).alias("license_utilization_90d"),
            (pl.lit(night) - column("last_day").fill_null(column("created_at").dt.date()))
            .dt.total_days()
            .alias("days_since_last_event"),
            (column("events_28d").fill_null(0) / before - 1).alias("event_change_ratio_28d"),
        )
        .collect(engine="streaming")
        .to_pandas()
    )
