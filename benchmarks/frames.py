"""Every metric on one health date with pandas and with Polars, from the raw Parquet files."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

AUTOMATION = ["automation_run", "automation_edit"]
PLANS = ["starter", "team", "business", "enterprise"]  # from the lowest rank to the highest
CRITICAL_TAGS = ["champion_left", "competitor_evaluation", "churn_threat"]
CONVERSATIONS = ["call", "meeting", "qbr", "visit"]


def event_files(raw: Path) -> list[Path]:
    """The files of events, one for each day."""
    return sorted((raw / "events").glob("*/*.parquet"))


def with_pandas(raw: Path, night: date) -> Any:
    """One row per account in scope, one column per metric."""
    import numpy as np
    import pandas as pd

    end = pd.Timestamp(night)

    def before(days: int) -> Any:
        return end - pd.Timedelta(days=days)

    columns = ["account_id", "user_id", "feature", "module", "occurred_at", "event_count"]
    events = pd.concat(
        # An event that was delivered twice is twice in the file of its day.
        pd.read_parquet(file, columns=["event_id", *columns]).drop_duplicates("event_id")[columns]
        for file in event_files(raw)
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
    in_integrations = events[events.module == "integrations"]
    earlier = total(events[(events.day >= before(56)) & (events.day < before(28))])
    last_day = events.groupby("account_id").day.max().reindex(accounts.index)

    def table(name: str, created: str) -> Any:
        rows = pd.read_parquet(raw / f"{name}.parquet")
        return rows[rows[created] < end]

    def count(rows: Any) -> Any:
        return per_account(rows.groupby("account_id").size())

    def of_account(rows: Any, column: str, how: str) -> Any:
        return rows.groupby("account_id")[column].agg(how).reindex(accounts.index)

    def is_open(rows: Any, column: str, at: Any = end) -> Any:
        return rows[column].isna() | (rows[column] >= at)

    def since(rows: Any, column: str, days: int) -> Any:
        return rows[(rows[column] < end) & (rows[column] >= before(days))]

    def days_since(times: Any) -> Any:
        return (end - times.dt.floor("D")).dt.days

    def latest(rows: Any, column: str, order: list[str]) -> Any:
        return rows.sort_values(order).groupby("account_id")[column].last().reindex(accounts.index)

    ranks = subscriptions.plan_id.map({plan: rank for rank, plan in enumerate(PLANS, 1)})
    subscriptions = subscriptions.assign(plan_rank=ranks)
    was_active = (subscriptions.started_at < before(90)) & is_open(
        subscriptions, "ended_at", before(90)
    )
    current, earlier_contracts = subscriptions[is_active], subscriptions[was_active]
    mrr = of_account(current, "mrr", "sum").fillna(0)
    plan_rank = of_account(current, "plan_rank", "max")
    renews_at = of_account(current[current.renews_at >= end], "renews_at", "min")

    invoices = table("invoices", "issued_at")
    overdue = invoices[
        (invoices.amount > 0) & (invoices.due_at < end) & is_open(invoices, "paid_at")
    ]
    charged = since(invoices[invoices.amount > 0], "due_at", 180)
    is_late = is_open(charged, "paid_at") | (
        charged.paid_at.dt.floor("D") > charged.due_at.dt.floor("D")
    )

    tickets = table("tickets", "created_at")
    unsolved = tickets[is_open(tickets, "solved_at")]
    is_high = tickets.priority.isin(["high", "urgent"])
    new = since(tickets, "created_at", 30)
    replied = new[new.first_replied_at < end]
    solved = since(tickets, "solved_at", 90)
    solved_lately = since(tickets, "solved_at", 30)

    def hours(rows: Any, column: str) -> Any:
        taken = (rows[column] - rows.created_at).dt.total_seconds() / 3600
        return taken.groupby(rows.account_id).mean().reindex(accounts.index)

    touchpoints = table("touchpoints", "occurred_at")
    touchpoints_90d = since(touchpoints, "occurred_at", 90)
    qbrs, visits, webinars = (
        touchpoints[touchpoints.channel == channel] for channel in ("qbr", "visit", "webinar")
    )
    conversations = touchpoints[touchpoints.channel.isin(CONVERSATIONS)]

    def days_since_last(rows: Any) -> Any:
        return days_since(of_account(rows, "occurred_at", "max").fillna(accounts.created_at))

    responses = table("survey_responses", "responded_at")
    nps, pulse = responses[responses.kind == "nps"], responses[responses.kind == "pulse"]
    nps_180d = since(nps, "responded_at", 180)
    promoters = (nps_180d.score >= 9).astype(int) - (nps_180d.score <= 6).astype(int)
    tags = table("account_tags", "added_at")
    tags = tags[is_open(tags, "removed_at")]
    risks = tags[tags.kind == "risk"]

    def distinct_tags(rows: Any) -> Any:
        return per_account(rows.groupby("account_id").tag.nunique())

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
            "integration_events_lifetime": total(in_integrations),
            "integration_features_lifetime": per_account(
                in_integrations.groupby("account_id").feature.nunique()
            ),
            "mrr": mrr,
            "seats": seats,
            "plan_rank": plan_rank,
            "plan_rank_change_90d": plan_rank - of_account(earlier_contracts, "plan_rank", "max"),
            "mrr_change_ratio_90d": mrr
            / of_account(earlier_contracts, "mrr", "sum").replace(0, np.nan)
            - 1,
            "days_to_renewal": (renews_at.dt.floor("D") - end).dt.days,
            "overdue_invoices": count(overdue),
            "overdue_amount": of_account(overdue, "amount", "sum").fillna(0),
            "days_overdue": days_since(of_account(overdue, "due_at", "min")).fillna(0),
            "invoices_due_14d": count(since(overdue, "due_at", 14)),
            "late_payment_ratio_180d": is_late.groupby(charged.account_id)
            .mean()
            .reindex(accounts.index),
            "amount_paid_lifetime": of_account(
                invoices[invoices.paid_at < end], "amount", "sum"
            ).fillna(0),
            "open_tickets": count(unsolved),
            "open_high_tickets_14d": count(
                tickets[is_high & is_open(tickets, "solved_at", before(14))]
            ),
            "open_ticket_age_days": days_since(of_account(unsolved, "created_at", "min")).fillna(0),
            "tickets_created_30d": count(new),
            "tickets_per_active_user_30d": count(new) / active_users(30).replace(0, np.nan),
            "first_reply_hours_30d": hours(replied, "first_replied_at"),
            "resolution_hours_90d": hours(solved, "solved_at"),
            "reopens_30d": of_account(new, "reopens", "sum").fillna(0),
            "csat_score_90d": of_account(solved, "csat_score", "mean"),
            "good_csat_90d": count(solved[solved.csat_score >= 4]),
            "bad_csat_30d": count(solved_lately[solved_lately.csat_score <= 2]),
            "touchpoints_30d": count(since(touchpoints, "occurred_at", 30)),
            "touchpoints_90d": count(touchpoints_90d),
            "meetings_90d": count(
                touchpoints_90d[touchpoints_90d.channel.isin(["meeting", "qbr"])]
            ),
            "qbrs_180d": count(since(qbrs, "occurred_at", 180)),
            "visits_180d": count(since(visits, "occurred_at", 180)),
            "webinars_90d": count(since(webinars, "occurred_at", 90)),
            "days_since_last_touchpoint": days_since_last(touchpoints),
            "days_since_last_conversation": days_since_last(conversations),
            "people_contacted_90d": per_account(
                touchpoints_90d.groupby("account_id").user_id.nunique()
            ),
            "nps_180d": 100 * promoters.groupby(nps_180d.account_id).mean().reindex(accounts.index),
            "nps_latest": latest(nps, "score", ["responded_at", "response_id"]),
            "risk_tags": distinct_tags(risks),
            "critical_risk_tags": distinct_tags(risks[risks.tag.isin(CRITICAL_TAGS)]),
            "confidence_tags": distinct_tags(tags[tags.kind == "confidence"]),
            "risk_score_90d": latest(
                since(table("risk_assessments", "assessed_at"), "assessed_at", 90),
                "risk_score",
                ["assessed_at", "assessment_id"],
            ),
            "pulse_90d": latest(
                since(pulse, "responded_at", 90), "score", ["responded_at", "response_id"]
            ),
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
        pl.concat(pl.scan_parquet(file).unique("event_id") for file in event_files(raw))
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
    is_in_integrations = column("module") == "integrations"
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
        integration_events_lifetime=total(is_in_integrations),
        integration_features_lifetime=column("feature").filter(is_in_integrations).n_unique(),
    )

    def table(name: str, created: str) -> Any:
        return pl.scan_parquet(raw / f"{name}.parquet").filter(column(created) < end)

    def ago(days: int) -> datetime:
        return end - timedelta(days=days)

    def is_open(name: str, at: datetime = end) -> Any:
        return column(name).is_null() | (column(name) >= at)

    def within(name: str, days: int) -> Any:
        return (column(name) < end) & (column(name) >= ago(days))

    def count(condition: Any) -> Any:
        return condition.sum().cast(pl.Int64)

    def days_since(time: Any) -> Any:
        return (pl.lit(night) - time.dt.date()).dt.total_days()

    is_active = (column("started_at") < end) & is_open("ended_at")
    was_active = (column("started_at") < ago(90)) & is_open("ended_at", ago(90))
    contracts = (
        pl.scan_parquet(raw / "subscriptions.parquet")
        .with_columns(plan_rank=column("plan_id").replace_strict(PLANS, [1, 2, 3, 4], default=None))
        .group_by("account_id")
        .agg(
            mrr=column("mrr").filter(is_active).sum(),
            earlier_mrr=column("mrr").filter(was_active).sum(),
            plan_rank=column("plan_rank").filter(is_active).max(),
            earlier_plan_rank=column("plan_rank").filter(was_active).max(),
            renews_at=column("renews_at").filter(is_active & (column("renews_at") >= end)).min(),
        )
    )
    is_overdue = (column("amount") > 0) & (column("due_at") < end) & is_open("paid_at")
    is_late = is_open("paid_at") | (column("paid_at").dt.date() > column("due_at").dt.date())
    bills = (
        table("invoices", "issued_at")
        .group_by("account_id")
        .agg(
            overdue_invoices=count(is_overdue),
            overdue_amount=column("amount").filter(is_overdue).sum(),
            days_overdue=days_since(column("due_at").filter(is_overdue).min()),
            invoices_due_14d=count(is_overdue & within("due_at", 14)),
            late_payment_ratio_180d=is_late.filter(
                (column("amount") > 0) & within("due_at", 180)
            ).mean(),
            amount_paid_lifetime=column("amount").filter(column("paid_at") < end).sum(),
        )
    )
    is_high = column("priority").is_in(["high", "urgent"])
    is_new = within("created_at", 30)
    is_solved = within("solved_at", 90)

    def hours(name: str) -> Any:
        return (column(name) - column("created_at")).dt.total_microseconds() / 3.6e9

    support = (
        table("tickets", "created_at")
        .group_by("account_id")
        .agg(
            open_tickets=count(is_open("solved_at")),
            open_high_tickets_14d=count(is_high & is_open("solved_at", ago(14))),
            open_ticket_age_days=days_since(
                column("created_at").filter(is_open("solved_at")).min()
            ),
            tickets_created_30d=count(is_new),
            first_reply_hours_30d=hours("first_replied_at")
            .filter(is_new & (column("first_replied_at") < end))
            .mean(),
            resolution_hours_90d=hours("solved_at").filter(is_solved).mean(),
            reopens_30d=column("reopens").filter(is_new).sum(),
            csat_score_90d=column("csat_score").filter(is_solved).mean(),
            good_csat_90d=count(is_solved & (column("csat_score") >= 4)),
            bad_csat_30d=count(within("solved_at", 30) & (column("csat_score") <= 2)),
        )
    )
    is_conversation = column("channel").is_in(CONVERSATIONS)
    contacts = (
        table("touchpoints", "occurred_at")
        .group_by("account_id")
        .agg(
            touchpoints_30d=count(within("occurred_at", 30)),
            touchpoints_90d=count(within("occurred_at", 90)),
            meetings_90d=count(
                within("occurred_at", 90) & column("channel").is_in(["meeting", "qbr"])
            ),
            qbrs_180d=count(within("occurred_at", 180) & (column("channel") == "qbr")),
            visits_180d=count(within("occurred_at", 180) & (column("channel") == "visit")),
            webinars_90d=count(within("occurred_at", 90) & (column("channel") == "webinar")),
            last_touchpoint=column("occurred_at").max(),
            last_conversation=column("occurred_at").filter(is_conversation).max(),
            people_contacted_90d=column("user_id")
            .filter(within("occurred_at", 90))
            .drop_nulls()
            .n_unique(),
        )
    )
    responded = ["responded_at", "response_id"]
    is_nps, is_pulse = column("kind") == "nps", column("kind") == "pulse"
    is_lately = within("responded_at", 180)
    promoters = (column("score") >= 9).cast(pl.Int64) - (column("score") <= 6).cast(pl.Int64)
    answers = (
        table("survey_responses", "responded_at")
        .sort(responded)
        .group_by("account_id", maintain_order=True)
        .agg(
            nps_180d=promoters.filter(is_nps & is_lately).mean() * 100,
            nps_latest=column("score").filter(is_nps).last(),
            pulse_90d=column("score").filter(is_pulse & within("responded_at", 90)).last(),
        )
    )
    is_risk = column("kind") == "risk"
    tags = (
        table("account_tags", "added_at")
        .filter(is_open("removed_at"))
        .group_by("account_id")
        .agg(
            risk_tags=column("tag").filter(is_risk).n_unique(),
            critical_risk_tags=column("tag")
            .filter(is_risk & column("tag").is_in(CRITICAL_TAGS))
            .n_unique(),
            confidence_tags=column("tag").filter(column("kind") == "confidence").n_unique(),
        )
    )
    risks = (
        table("risk_assessments", "assessed_at")
        .filter(within("assessed_at", 90))
        .sort("assessed_at", "assessment_id")
        .group_by("account_id", maintain_order=True)
        .agg(risk_score_90d=column("risk_score").last())
    )
    per_seat = pl.when(column("seats") > 0).then(column("seats"))
    before = pl.when(column("events_before") > 0).then(column("events_before"))
    earlier_mrr = pl.when(column("earlier_mrr") > 0).then(column("earlier_mrr"))
    per_active_user = pl.when(column("active_users_30d") > 0).then(column("active_users_30d"))
    counts = [
        *("events_30d", "features_used_14d", "modules_used_30d", "active_users_14d"),
        *("active_days_14d", "active_users_lifetime", "dashboard_events_lifetime"),
        *("automation_events_lifetime", "integration_events_lifetime"),
        *("integration_features_lifetime", "visits_180d", "webinars_90d"),
        *("mrr", "overdue_invoices", "overdue_amount", "days_overdue", "invoices_due_14d"),
        *("amount_paid_lifetime", "open_tickets", "open_high_tickets_14d"),
        *("open_ticket_age_days", "tickets_created_30d", "reopens_30d", "good_csat_90d"),
        *("bad_csat_30d", "touchpoints_30d", "touchpoints_90d", "meetings_90d", "qbrs_180d"),
        *("people_contacted_90d", "risk_tags", "critical_risk_tags", "confidence_tags"),
    ]
    as_they_are = [
        *("seats", "plan_rank", "late_payment_ratio_180d", "first_reply_hours_30d"),
        *("resolution_hours_90d", "csat_score_90d", "nps_180d", "nps_latest"),
        *("risk_score_90d", "pulse_90d"),
    ]
    return (
        accounts.join(activity, on="account_id", how="left")
        .join(active, on="account_id", how="left")
        .join(known, on="account_id", how="left")
        .join(seats, on="account_id", how="left")
        .join(contracts, on="account_id", how="left")
        .join(bills, on="account_id", how="left")
        .join(support, on="account_id", how="left")
        .join(contacts, on="account_id", how="left")
        .join(answers, on="account_id", how="left")
        .join(tags, on="account_id", how="left")
        .join(risks, on="account_id", how="left")
        .select(
            "account_id",
            *as_they_are,
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
            (column("plan_rank") - column("earlier_plan_rank")).alias("plan_rank_change_90d"),
            (column("mrr").fill_null(0) / earlier_mrr - 1).alias("mrr_change_ratio_90d"),
            (-days_since(column("renews_at"))).alias("days_to_renewal"),
            (column("tickets_created_30d").fill_null(0) / per_active_user).alias(
                "tickets_per_active_user_30d"
            ),
            days_since(column("last_touchpoint").fill_null(column("created_at"))).alias(
                "days_since_last_touchpoint"
            ),
            days_since(column("last_conversation").fill_null(column("created_at"))).alias(
                "days_since_last_conversation"
            ),
        )
        .collect(engine="streaming")
        .to_pandas()
    )
