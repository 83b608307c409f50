"""Accounts: who each account is, its size, its contract and the turns its scenario takes.

The raw tables of accounts are built in `account_tables` and `account_logs`.
"""

import numpy as np
import pandas as pd

from orchestration.sample_data.event_times import LEAD_DAYS
from orchestration.sample_data.names import MANAGERS, company_names
from orchestration.sample_data.plans import PLAN_SEATS, draw_plan_changes
from orchestration.sample_data.scenarios import USUAL_LEVELS, draw_churn, draw_scenarios

INDUSTRIES = ("logistics", "retail", "manufacturing", "healthcare", "education", "finance", "media")
REGIONS = ("emea", "amer", "apac", "latam")


def draw_accounts(generator: np.random.Generator, count: int, days: int) -> pd.DataFrame:
    """One row per account: who it is, its scenario, its contract and when its decline begins."""
    end = LEAD_DAYS + days
    scenario = generator.permutation(draw_scenarios(count))
    is_kind = {name: scenario == name for name in USUAL_LEVELS}
    low, high = np.array([USUAL_LEVELS[name] for name in scenario]).T
    usual = generator.uniform(low, high)

    seats = np.clip(np.round(generator.lognormal(np.log(13), 1.0, count)), 3, 400)
    huge = generator.permutation(count)[: round(count * 0.015)]
    seats[huge] = np.linspace(2400, 600, len(huge))
    seats = seats.astype(int)
    wobble = generator.normal(0, 0.25, count)
    plan = np.searchsorted(np.array(PLAN_SEATS), seats * np.exp(wobble))

    churned = draw_churn(generator, scenario, days)
    leaving = np.where(np.isnan(churned), end + generator.uniform(4, 45, count), churned)
    created = draw_created(generator, is_kind, leaving, end)

    fall_days = generator.uniform(35, 75, count)
    scare = LEAD_DAYS + days * generator.uniform(0.1, 0.7, count)
    fall_start = np.select(
        [is_kind["fading"], is_kind["recovered"]],
        [leaving - fall_days - generator.uniform(5, 25, count), scare],
        np.inf,
    )
    fall_days[is_kind["recovered"]] = 20
    rise_start = np.where(is_kind["recovered"], scare + generator.uniform(35, 55, count), np.inf)
    ramp_days = np.where(is_kind["never_launched"], 600, generator.uniform(15, 50, count))

    change_at, change_step, change_factor = draw_plan_changes(
        generator, is_kind, created, leaving, fall_start, fall_days, plan, days
    )
    return pd.DataFrame(
        {
            "account_id": [f"acc_{number:05d}" for number in range(1, count + 1)],
            "account_name": company_names(generator, count),
            "scenario": scenario,
            "usual": usual,
            "created": created,
            "churned": churned,
            "fall_start": fall_start,
            "fall_days": fall_days,
            "rise_start": rise_start,
            "ramp_days": ramp_days,
            "quiet_season": generator.uniform(LEAD_DAYS, end, count),
            "seats": seats,
            "plan": plan,
            "discount": generator.choice([1, 1, 0.9, 0.8], count),
            "change_at": change_at,
            "change_step": change_step,
            "change_factor": change_factor,
            "billing_day": generator.integers(0, 28, count),
            "csm_email": generator.choice(MANAGERS[: 6 if count < 100 else 8], count),
            "industry": generator.choice(INDUSTRIES, count),
            "region": generator.choice(REGIONS, count, p=[0.45, 0.3, 0.15, 0.1]),
        }
    )


def draw_created(
    generator: np.random.Generator, is_kind: dict[str, np.ndarray], leaving: np.ndarray, end: int
) -> np.ndarray:
    """When each account was created. Most of those that fade leave just before they renew."""
    count = len(leaving)
    renewed = np.floor(leaving) + 4 - 365 * generator.integers(1, 4, count)
    leaves_at_renewal = is_kind["fading"] & (generator.random(count) < 0.65)
    created = np.select(
        [is_kind["new"], is_kind["never_launched"], leaves_at_renewal],
        [
            end - generator.uniform(3, 88, count),
            leaving - generator.uniform(70, 115, count),
            renewed,
        ],
        np.minimum(end, leaving) - generator.uniform(130, 1500, count),
    )
    return np.floor(created) + generator.uniform(8, 18, count) / 24
