"""Billing tables: `subscriptions` and `invoices`, and the contract that both follow."""

import numpy as np
import pandas as pd

from orchestration.sample_data.company import Company
from orchestration.sample_data.drawing import numbered
from orchestration.sample_data.plans import PLANS, SEAT_PRICES


def contract(
    company: Company, account: np.ndarray, moment: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plan (0 is the lowest), seats and monthly revenue agreed for the accounts at the moments."""
    is_changed = moment >= company.column("change_at", account)
    plan = company.column("plan", account) + is_changed * company.column("change_step", account)
    factor = np.where(is_changed, company.column("change_factor", account), 1.0)
    seats = np.maximum(2, np.round(company.column("seats", account) * factor)).astype(int)
    years = np.floor(np.maximum(moment - company.column("created", account), 0) / 365)
    price = SEAT_PRICES[plan] * company.column("discount", account) * 1.03**years
    return plan, seats, np.round(seats * price, 2)


def subscriptions_table(company: Company, generator: np.random.Generator) -> pd.DataFrame:
    """A row per contract year and per change of it, all under one id; a few add-ons beside."""
    frame = company.accounts
    created = frame["created"].to_numpy()
    last = np.fmin(frame["churned"].to_numpy(), company.end)
    years = np.floor(np.maximum(last - created, 0) / 365).astype(int) + 1
    account = np.repeat(np.arange(len(frame)), years)
    year = np.arange(len(account)) - np.repeat(np.cumsum(years) - years, years)
    started = created[account] + 365 * year
    is_changed = (frame["change_at"] < last).to_numpy()
    account = np.concatenate([account, np.flatnonzero(is_changed)])
    started = np.concatenate([started, frame["change_at"].to_numpy()[is_changed]])
    order = np.lexsort((started, account))
    account, started = account[order], started[order]

    is_last = np.append(account[1:] != account[:-1], True)
    renews = created[account] + 365 * (np.floor((started - created[account]) / 365) + 1)
    plan, seats, mrr = contract(company, account, started)
    main = pd.DataFrame(
        {
            "subscription_id": [f"sub_{place + 1:05d}" for place in account],
            "account_id": company.column("account_id", account),
            "plan_id": np.array(PLANS)[plan],
            "mrr": mrr,
            "started_at": company.timestamps(started),
            "seats": seats.astype(float),
            "ended_at": company.timestamps(
                np.where(is_last, company.column("churned", account), np.nan)
            ),
            "renews_at": company.timestamps(np.floor(renews)),
        }
    )
    has_add_on = (generator.random(len(frame)) < 0.08) & (created + 120 < last)
    buyer = np.flatnonzero(has_add_on)
    add_ons = pd.DataFrame(
        {
            "subscription_id": [f"sub_{place + 1:05d}_insights" for place in buyer],
            "account_id": company.column("account_id", buyer),
            "plan_id": "insights_add_on",
            "mrr": np.round(20 + 2.5 * company.column("seats", buyer), 2),
            "started_at": company.timestamps(created[buyer] + 120),
            "seats": np.nan,
            "ended_at": company.timestamps(company.column("churned", buyer)),
            "renews_at": company.timestamps(np.full(len(buyer), np.nan)),
        }
    )
    return pd.concat([main, add_ons], ignore_index=True)


def invoices_table(company: Company, generator: np.random.Generator) -> pd.DataFrame:
    """One invoice an account and month; the worse it does the later it pays, at last not at all."""
    frame = company.accounts
    months = np.arange(
        company.origin.astype("datetime64[M]"),
        np.datetime64(company.end_date, "M") + np.timedelta64(1, "M"),
    )
    first_day = company.origin.astype("datetime64[D]")
    month_days = (months.astype("datetime64[D]") - first_day).astype(int)
    account = np.tile(np.arange(len(frame)), len(months))
    issued = np.repeat(month_days, len(frame)) + company.column("billing_day", account) + 6 / 24
    last = np.fmin(company.column("churned", account), company.end)
    is_real = (issued > company.column("created", account)) & (issued < last) & (issued >= 0)
    account, issued = account[is_real], issued[is_real]
    order = np.argsort(issued, kind="stable")
    account, issued = account[order], issued[order]

    plan, _, amount = contract(company, account, issued)
    due = issued + np.where(plan >= 2, 30, 14)
    judged = np.minimum(due, last_day(company, account))
    gloom = np.clip(1 - company.level("billing", account, judged), 0, 1)
    is_late = generator.random(len(account)) < 0.04 + 0.8 * gloom**1.5
    is_stuck = generator.random(len(account)) < np.clip(1.8 * (gloom - 0.6), 0, 0.85)
    delay = np.select(
        [is_stuck, is_late],
        [generator.uniform(30, 70, len(account)), generator.uniform(2, 35, len(account))],
        np.minimum(generator.normal(-4, 3, len(account)), -0.1),
    )
    paid = np.maximum(due + delay, issued + 0.3)
    paid[paid > company.column("churned", account) + 20] = np.nan  # who has left pays no more
    scenario = generator.random(len(account))
    is_credit, is_void = scenario < 0.01, scenario > 0.99
    voided = np.where(is_void, issued + 3, np.nan)
    return pd.DataFrame(
        {
            "invoice_id": numbered("inv", len(account)),
            "account_id": company.column("account_id", account),
            "amount": np.where(is_credit, -np.round(amount * 0.1, 2), amount),
            "issued_at": company.timestamps(issued),
            "due_at": company.timestamps(np.floor(due)),
            "paid_at": company.timestamps(company.occurred(np.where(is_void, np.nan, paid))),
            "voided_at": company.timestamps(company.occurred(voided)),
        }
    )


def last_day(company: Company, account: np.ndarray) -> np.ndarray:
    """The last day on which the accounts still have levels."""
    return np.fmin(np.floor(company.column("churned", account)), company.end) - 1
