"""Relationship tables: `touchpoints` and `survey_responses`, what passes between both sides."""

import numpy as np
import pandas as pd

from orchestration.sample_data.company import Company
from orchestration.sample_data.drawing import draw_moments, numbered, office_hours, pick, pick_users

TOUCHPOINT_CHANNELS = ("email", "call", "meeting", "webinar", "visit", "support", "note")


def touchpoints_table(company: Company, generator: np.random.Generator) -> pd.DataFrame:
    """More with larger and with new accounts, fewer and colder with those that turn away."""
    frame = company.accounts
    per_day = np.interp(frame["seats"], [3, 15, 60, 300, 2000], [0.045, 0.06, 0.1, 0.16, 0.25])
    age = np.arange(company.end)[None, :] - frame["created"].to_numpy()[:, None]
    manager = company.levels["manager"]
    rates = per_day[:, None] * np.where(age < 75, 2.4, 1.0) * (0.1 + 1.2 * manager)
    account, moment = draw_moments(company, generator, rates * 7 / 5)
    warmth = np.clip(company.level("manager", account, moment), 0, 1)
    shares = np.stack(
        [0.5 - 0.15 * warmth, 0.24 + 0 * warmth, 0.22 * warmth, 0.05 + 0 * warmth]
        + [0.03 * warmth, 0.05 + 0 * warmth, 0.05 + 0 * warmth]
    ).T
    channel = pick(generator, TOUCHPOINT_CHANNELS, shares)

    reviews = business_reviews(company, generator)
    account = np.concatenate([account, reviews[0]])
    moment = np.concatenate([moment, reviews[1]])
    channel = np.concatenate([channel, np.full(len(reviews[0]), "qbr", dtype=object)])
    order = np.argsort(moment, kind="stable")
    account, moment, channel = account[order], moment[order], channel[order]
    count = len(account)
    is_inbound = generator.random(count) < 0.3
    subjects = pd.Series(channel).map(
        {"qbr": "Business review", "support": "Help with a ticket", "webinar": "Product news"}
    )
    is_nobody = (channel == "note") | (generator.random(count) < 0.05)
    return pd.DataFrame(
        {
            "touchpoint_id": numbered("tch", count),
            "account_id": company.column("account_id", account),
            "channel": channel,
            "occurred_at": company.timestamps(moment),
            "direction": np.where(is_inbound, "inbound", "outbound"),
            "csm_email": company.column("csm_email", account),
            "user_id": np.where(is_nobody, None, pick_users(company, generator, account, moment)),
            "subject": subjects.fillna("Check-in"),
        }
    )


def business_reviews(
    company: Company, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Accounts and moments of the quarterly reviews with the larger ones that still turn up."""
    large = np.flatnonzero(company.accounts["seats"] >= 40)
    quarters = company.end // 91 + 1
    account = np.repeat(large, quarters)
    offset = np.repeat(generator.uniform(0, 91, len(large)), quarters)
    moment = np.floor(offset + 91 * np.tile(np.arange(quarters), len(large)))
    moment += office_hours(generator, len(moment))
    is_inside = moment < company.end
    account, moment = account[is_inside], moment[is_inside]
    turns_up = generator.random(len(account)) < company.level("manager", account, moment)
    return account[turns_up], moment[turns_up]


def survey_responses_table(company: Company, generator: np.random.Generator) -> pd.DataFrame:
    frame = company.accounts
    size = (frame["seats"].to_numpy() ** 0.35)[:, None]
    everywhere = np.ones_like(company.levels["survey"])
    parts = []
    for kind, rates in (("nps", size / 75 * everywhere), ("pulse", everywhere / 40)):
        account, moment = draw_moments(company, generator, rates)
        level = np.clip(company.level("survey", account, moment), 0, 1)
        if kind == "nps":
            score = np.clip(generator.normal(3.6 + 6.2 * level, 1.5), 0, 10)
        else:
            score = np.clip(generator.normal(1.2 + 3.6 * level, 0.6), 1, 5)
        answered_by = pick_users(company, generator, account, moment)
        parts.append(
            pd.DataFrame(
                {
                    "account_id": company.column("account_id", account),
                    "kind": kind,
                    "score": np.round(score).astype(int).astype(str),
                    "responded_at": company.timestamps(moment),
                    "user_id": np.where(kind == "nps", answered_by, None),
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True).sort_values("responded_at", kind="stable")
    return frame.assign(response_id=numbered("rsp", len(frame)))
