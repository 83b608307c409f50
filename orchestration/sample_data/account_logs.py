"""Account logs: `account_attributes` and `account_tags`, what was noted in the course of time."""

from typing import Any

import numpy as np
import pandas as pd

from orchestration.sample_data.company import Company
from orchestration.sample_data.event_times import LEAD_DAYS
from orchestration.sample_data.names import MANAGERS

RISK_TAGS = ("low_adoption", "budget_cut", "champion_left", "competitor_evaluation", "churn_threat")
CONFIDENCE_TAGS = ("executive_sponsor", "reference_customer", "expansion_planned", "success_plan")
ADVOCACY_TAGS = ("case_study", "referral", "review")


def account_attributes_table(company: Company, generator: np.random.Generator) -> pd.DataFrame:
    """A log: an entry when an attribute is first known, and one for each change."""
    accounts = company.accounts
    count = len(accounts)
    created, changed = accounts["created"].to_numpy(), accounts["change_at"].to_numpy()
    everyone = np.full(count, True)

    def chance(share: float) -> np.ndarray:
        return generator.random(count) < share

    def after(first: float, last: float) -> np.ndarray:
        return created + generator.uniform(first, last, count)

    target = accounts["seats"] * generator.uniform(0.45, 0.7, count)
    has_target, has_sponsor = chance(0.9), chance(0.75)
    loses_sponsor = has_sponsor & (accounts["scenario"] == "fading") & chance(0.5)
    is_seasonal = accounts["scenario"] == "seasonal"
    promised = np.clip(np.round(1.5 + accounts["seats"] / 18), 2, 12)
    handover = LEAD_DAYS + company.days * generator.random(count)
    new_manager = generator.choice(MANAGERS[:6], count)
    entries = [
        ("target_active_users", has_target, created + 1, np.ceil(target).astype(int).astype(str)),
        (
            "target_active_users",
            has_target,
            changed + 2,
            np.ceil(target * accounts["change_factor"]).astype(int).astype(str),
        ),
        ("agreed_touchpoints_90d", chance(0.85), created + 5, promised.astype(int).astype(str)),
        ("is_kickoff_held", everyone, created + 0.1, "false"),
        ("is_kickoff_held", chance(0.93), after(3, 20), "true"),
        ("integrations_live", chance(0.7), after(20, 60), "1"),
        ("integrations_live", chance(0.4), after(90, 300), "3"),
        ("has_executive_sponsor", ~has_sponsor, created + 2, "false"),
        ("has_executive_sponsor", has_sponsor, created + 2, "true"),
        ("has_executive_sponsor", loses_sponsor, accounts["fall_start"] + 8, "false"),
        ("is_seasonal", is_seasonal, created + 30, "true"),
        ("is_seasonal", ~is_seasonal & chance(0.5), created + 30, "false"),
        ("lifecycle_stage", everyone, created, "onboarding"),
        ("lifecycle_stage", everyone, after(60, 110), "live"),
        ("csm_email", chance(0.04) & (handover > created), handover, new_manager),
        ("favourite_tea", chance(0.03), created + 40, "oolong"),  # no signal has this name
    ]
    return account_log(
        company,
        "recorded_at",
        [
            {"attribute": attribute, "rows": rows, "recorded_at": moment, "value": value}
            for attribute, rows, moment, value in entries
        ],
    )


def account_tags_table(company: Company, generator: np.random.Generator) -> pd.DataFrame:
    """Risk tags follow the manager's view of the account; the other kinds are given for long."""
    accounts = company.accounts
    count = len(accounts)
    created = accounts["created"].to_numpy()
    never = np.full(count, np.nan)

    def chance(share: float | np.ndarray) -> np.ndarray:
        return generator.random(count) < share

    entries = []
    for bound, words, share in ((0.5, RISK_TAGS[:3], 0.75), (0.28, RISK_TAGS[2:], 0.7)):
        words_drawn = generator.choice(words, count)
        added, removed = worries(company, generator, bound)
        entries.append((words_drawn, "risk", chance(share), added, removed))
    is_slow = (accounts["scenario"] == "never_launched") & chance(0.8)
    entries.append(("slow_onboarding", "risk", is_slow, created + 32, never))
    for words, share in ((CONFIDENCE_TAGS, 0.7), (CONFIDENCE_TAGS[:2], 0.3)):
        added = created + generator.uniform(10, 200, count)
        removed = np.where(chance(0.6), accounts["fall_start"] + 20, np.nan)
        is_liked = chance(share * np.clip(2 * accounts["usual"] - 0.9, 0.05, 1))
        entries.append((generator.choice(words, count), "confidence", is_liked, added, removed))
    is_strategic = chance(np.where(accounts["seats"] >= 60, 0.4, 0.04))
    entries.append(("strategic", "label", is_strategic, created + 35, never))
    entries.append(("partner_referred", "label", chance(0.12), created + 0.2, never))
    for tag in ADVOCACY_TAGS:
        is_asked = chance(0.12 * np.clip(2 * accounts["usual"] - 0.9, 0.05, 1))
        added = created + generator.uniform(60, 300, count)
        entries.append((tag, "confidence", is_asked, added, accounts["fall_start"] + 20))
    # A new owner or another strategy, which has little to do with how the account does until then.
    acquired = np.maximum(created, LEAD_DAYS) + company.days * generator.random(count)
    entries.append(("acquired", "risk", chance(0.03), acquired, acquired + 90))
    is_turning = chance(np.where(accounts["scenario"] == "fading", 0.25, 0.015))
    turned = np.minimum(accounts["fall_start"] + 15, acquired)
    entries.append(("strategy_changed", "risk", is_turning, np.maximum(turned, created), never))
    frame = account_log(
        company,
        "added_at",
        [
            {"tag": tag, "kind": kind, "rows": rows, "added_at": added, "removed_at": removed}
            for tag, kind, rows, added, removed in entries
        ],
    )
    managers = company.accounts.set_index("account_id")["csm_email"]
    notes = np.array(["said so in the last call", "seen in the usage report", None], dtype=object)
    return frame.assign(
        author=frame["account_id"].map(managers), note=generator.choice(notes, len(frame))
    )


def worries(
    company: Company, generator: np.random.Generator, bound: float
) -> tuple[np.ndarray, np.ndarray]:
    """When the manager's level of each account fell below the bound, and when it was over it again.

    Both come some days late, as people do; NaN where it never did.
    """
    level = company.levels["manager"]
    is_low = (level < bound) & (level > 0)
    first_low = np.argmax(is_low, axis=1)
    last_low = company.end - 1 - np.argmax(is_low[:, ::-1], axis=1)
    is_alive_after = level[np.arange(len(level)), np.minimum(last_low + 1, company.end - 1)] > 0
    lag = generator.uniform(2, 14, len(level))
    is_ever_low = is_low.any(axis=1)
    over = is_ever_low & is_alive_after & (last_low < company.end - 1)
    return (
        np.where(is_ever_low, first_low + lag, np.nan),
        np.where(over, last_low + 2 * lag, np.nan),
    )


def account_log(company: Company, main_time: str, entries: list[dict[str, Any]]) -> pd.DataFrame:
    """One row per entry and account in its `rows`, as long as the account lives, in order of time.

    The other cells of an entry are one value for all accounts or one for each.
    """
    accounts = company.accounts
    parts = [
        pd.DataFrame({"account_id": accounts["account_id"], **entry})[entry["rows"]]
        for entry in entries
    ]
    frame = pd.concat(parts).drop(columns="rows")
    last = accounts["churned"].fillna(company.end).loc[frame.index]
    times = [column for column in frame if column.endswith("_at")]
    for time in times:
        frame[time] = frame[time].where(frame[time] < last)
    frame = frame.dropna(subset=main_time).sort_values(
        [main_time, "account_id"], kind="stable", ignore_index=True
    )
    for time in times:
        frame[time] = company.timestamps(frame[time].to_numpy())
    return frame
