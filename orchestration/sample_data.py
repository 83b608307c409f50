"""Sample data: an invented B2B SaaS company, written as the twelve raw tables.

Every account has a fate (healthy, fading, seasonal ...). The fate sets how well the account does
each day in usage, payments, tickets, answers to surveys and in the eyes of its account manager;
all records are drawn from those levels. `planted_fate` and `planted_churn_at` in the accounts say
what was planted, so that a health score can be held against the truth. A little dirt is added.

Inside this module a moment is a number of days since `Company.origin` (00:00 UTC); NaN is never.
The same seed, size and end date give the same bytes.
"""

import json
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MARKER = ".sample"
LEAD_DAYS = 200  # days before the first event that invoices, tickets, touchpoints ... reach back
DIRT_SHARE = 0.012  # of the rows of each table but events
EVENT_DIRT_SHARE = 0.002

# The columns of raw.md, and in accounts what was planted.
TABLES = {
    "accounts": "account_id account_name created_at parent_account_id csm_email lifecycle_stage"
    " industry region churned_at planted_fate planted_churn_at",
    "account_attributes": "account_id attribute recorded_at value",
    "account_tags": "account_id tag kind added_at removed_at author note",
    "users": "user_id account_id created_at email user_name role deactivated_at",
    "events": "event_id account_id feature occurred_at user_id module event_count loaded_at",
    "subscriptions": "subscription_id account_id plan_id mrr started_at seats ended_at renews_at",
    "invoices": "invoice_id account_id amount issued_at due_at paid_at voided_at",
    "tickets": "ticket_id account_id created_at user_id priority first_replied_at solved_at"
    " reopens csat_score csat_at",
    "touchpoints": "touchpoint_id account_id channel occurred_at direction csm_email user_id"
    " subject",
    "survey_responses": "response_id account_id kind score responded_at user_id",
    "risk_assessments": "assessment_id account_id risk_score assessed_at author note",
    "health_overrides": "override_id account_id pillar_id state reason author created_at"
    " expires_at",
}
TABLES_WITHOUT_KEY = ("account_attributes", "account_tags")
DECIMALS = {"mrr", "amount", "risk_score"}
WHOLE_NUMBERS = {"seats", "event_count", "reopens", "csat_score"}
# survey_responses.score is text, as a survey tool exports it: with an "n/a" here and there.

# Share of the accounts by fate; the rest is healthy. Of those that fade, the last quarter has not
# churned by the end. Together 16 percent churn: fading, never_launched and churned_suddenly.
FATE_SHARES = {
    "churned_suddenly": 0.035,
    "never_launched": 0.02,
    "fading": 0.14,
    "recovered": 0.04,
    "struggling": 0.09,
    "lukewarm": 0.14,
    "seasonal": 0.05,
    "growing": 0.08,
    "new": 0.08,
}
FADING_CHURNED_SHARE = 0.75

# How well an account of a fate does at its usual, 1 at best: lowest and highest level.
USUAL_LEVELS = {
    "healthy": (0.62, 1.0),
    "churned_suddenly": (0.75, 0.95),
    "never_launched": (0.5, 0.7),
    "fading": (0.65, 0.95),
    "recovered": (0.7, 0.95),
    "struggling": (0.25, 0.43),
    "lukewarm": (0.4, 0.58),
    "seasonal": (0.6, 0.95),
    "growing": (0.8, 1.0),
    "new": (0.6, 1.0),
}
# How often a decline shows in a channel at all.
CHANNEL_SHOWS = {"usage": 0.94, "billing": 0.6, "support": 0.65, "survey": 0.75, "manager": 0.75}

PLANS = ("starter", "team", "business", "enterprise")
PLAN_SEATS = (6, 40, 180)  # from more seats than this, the next plan
SEAT_PRICES = np.array([19.0, 29.0, 42.0, 55.0])

MODULE_FEATURES = {
    "workspace": ("record_view", "record_edit", "search", "comment"),
    "reporting": ("dashboard_view", "report_export", "report_schedule"),
    "automation": ("automation_run", "automation_edit"),
    "integrations": ("integration_sync", "api_call"),
    "administration": ("user_invite",),
}
FEATURES = [name for names in MODULE_FEATURES.values() for name in names]
MODULES = [module for module, names in MODULE_FEATURES.items() for _ in names]
FEATURE_SHARES = np.array([25, 16, 13, 6, 14, 5, 2, 7, 2, 5, 4, 1]) / 100
ALWAYS_USED = np.array([name in ("record_view", "record_edit") for name in FEATURES])

MANAGERS = [
    f"{name}@example.com"
    for name in ("ines", "tomasz", "aiko", "farid", "greta", "noah", "chioma", "soren")
]
INDUSTRIES = ("logistics", "retail", "manufacturing", "healthcare", "education", "finance", "media")
REGIONS = ("emea", "amer", "apac", "latam")
NAME_STARTS = (
    "Åkerlund", "Brightfjord", "Cedarline", "Dunmore", "Élan", "Fernhollow", "Größer", "Halcyon",
    "Iðunn", "Juniper", "Kōyō", "Łąka", "Meridian", "Northgate", "Œuvre", "Pärnu", "Quillon",
    "Ríoclaro", "Sãovento", "Tarnbrook", "Überland", "Vermeil", "Wexcombe", "Yıldız", "Zephyrine",
    "北辰", "Арктур", "Ελίκη",
)  # fmt: skip
NAME_ENDS = (
    "Logistics", "Foods", "Systems", "Health", "Textiles", "Energy", "Learning", "Capital",
    "Studios", "Metals", "Retail", "Robotics", "Travel", "Paper", "Instruments", "Holding",
)  # fmt: skip
FIRST_NAMES = (
    "Ana", "Björn", "Chidi", "Dóra", "Emre", "Fatima", "Gaël", "Hana", "Ivo", "Jun", "Kofi",
    "Lena", "Małgorzata", "Nuno", "Olga", "Priya", "Quentin", "Rosa", "Šárka", "Tariq",
)  # fmt: skip
LAST_NAMES = (
    "Abara", "Brandt", "Castillo", "Duarte", "Eriksen", "Fournier", "Gruber", "Haddad", "Ito",
    "Jansen", "Kowalski", "Lindqvist", "Moreau", "Novák", "O'Neill", "Petrov", "Rossi", "Tanaka",
)  # fmt: skip

RISK_TAGS = ("low_adoption", "budget_cut", "champion_left", "competitor_evaluation", "churn_threat")
CONFIDENCE_TAGS = ("executive_sponsor", "reference_customer", "expansion_planned", "success_plan")
TOUCHPOINT_CHANNELS = ("email", "call", "meeting", "webinar", "visit", "support", "note")
PRIORITIES = ("low", "normal", "high", "urgent")


@dataclass(frozen=True)
class Company:
    """The invented company: its accounts and users, and how each account fares day by day.

    `levels` has one array a channel, account by day, 0 (gone) to about 1 (at its best).
    """

    seed: int
    days: int
    end_date: date
    accounts: pd.DataFrame
    users: pd.DataFrame
    levels: dict[str, np.ndarray]

    @property
    def origin(self) -> np.datetime64:
        return np.datetime64(self.end_date, "s") - np.timedelta64(self.end, "D")

    @property
    def end(self) -> int:
        """Days from origin to the end date: every record lies before it."""
        return LEAD_DAYS + self.days

    def level(self, channel: str, account: np.ndarray, moment: np.ndarray) -> np.ndarray:
        """Level of the accounts in a channel at the moments, which may lie outside the days."""
        day = np.clip(np.floor(moment), 0, self.end - 1).astype(int)
        return self.levels[channel][account, day]

    def column(self, name: str, account: np.ndarray) -> np.ndarray:
        return self.accounts[name].to_numpy()[account]

    def occurred(self, moment: np.ndarray) -> np.ndarray:
        """The moments, or NaN where they lie at or after the end date."""
        return np.where(moment < self.end, moment, np.nan)

    def date_of(self, day: int) -> date:
        return self.end_date - timedelta(days=self.end - day)

    def timestamps(self, moment: np.ndarray) -> pd.Series:
        """The moments as UTC times of whole seconds."""
        return timestamps(self.origin, moment)


def schema_of(table: str) -> pa.Schema:
    """The Parquet types of a raw table: times in UTC, numbers as numbers, the rest text."""

    def kind(column: str) -> pa.DataType:
        if column.endswith("_at"):
            return pa.timestamp("us", tz="UTC")
        if column in DECIMALS:
            return pa.float64()
        return pa.int64() if column in WHOLE_NUMBERS else pa.string()

    return pa.schema([(column, kind(column)) for column in TABLES[table].split()])


def timestamps(origin: np.datetime64, moment: np.ndarray) -> pd.Series:
    missing = np.isnan(moment)
    seconds = np.floor(np.where(missing, 0, moment) * 86_400).astype("timedelta64[s]")
    times = np.where(missing, np.datetime64("NaT", "s"), origin + seconds)
    return pd.Series(times.astype("datetime64[us]")).dt.tz_localize("UTC")


def generator_for(seed: int, purpose: str) -> np.random.Generator:
    """A stream of its own for each purpose, so that a change to one table leaves the others."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


# The company: accounts, their levels, their users


def draw_company(seed: int, accounts: int, days: int, end_date: date) -> Company:
    generator = generator_for(seed, "company")
    frame = draw_accounts(generator, accounts, days)
    levels = draw_levels(generator, frame, LEAD_DAYS + days)
    users = draw_users(generator, frame, LEAD_DAYS + days)
    return Company(seed, days, end_date, frame, users, levels)


def draw_accounts(generator: np.random.Generator, count: int, days: int) -> pd.DataFrame:
    """One row per account: who it is, its fate, its contract and when its decline begins."""
    end = LEAD_DAYS + days
    fate = generator.permutation(draw_fates(count))
    is_kind = {name: fate == name for name in USUAL_LEVELS}
    low, high = np.array([USUAL_LEVELS[name] for name in fate]).T
    usual = generator.uniform(low, high)

    seats = np.clip(np.round(generator.lognormal(np.log(13), 1.0, count)), 3, 400)
    huge = generator.permutation(count)[: round(count * 0.015)]
    seats[huge] = np.linspace(2400, 600, len(huge))
    seats = seats.astype(int)
    wobble = generator.normal(0, 0.25, count)
    plan = np.searchsorted(np.array(PLAN_SEATS), seats * np.exp(wobble))

    churned = draw_churn(generator, fate, days)
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
            "fate": fate,
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


def draw_fates(count: int) -> np.ndarray:
    """The fates in fixed shares, so that a small company has them all too, as far as it can."""
    bounds = np.round(np.cumsum(list(FATE_SHARES.values())) * count).astype(int)
    sizes = np.diff(bounds, prepend=0)
    fates = np.repeat(list(FATE_SHARES), sizes)
    return np.concatenate([fates, np.repeat("healthy", count - len(fates))]).astype(object)


def draw_churn(generator: np.random.Generator, fate: np.ndarray, days: int) -> np.ndarray:
    """When each account churns: spread evenly over the days that have events, NaN for never."""
    churned = np.full(len(fate), np.nan)
    fading = np.flatnonzero(fate == "fading")
    leavers = np.concatenate(
        [
            fading[: int(np.ceil(len(fading) * FADING_CHURNED_SHARE))],
            np.flatnonzero(np.isin(fate, ["never_launched", "churned_suddenly"])),
        ]
    )
    slots = (np.arange(len(leavers)) + generator.random(len(leavers))) / max(1, len(leavers))
    moments = LEAD_DAYS + days * (0.08 + 0.9 * slots)
    churned[leavers] = np.floor(generator.permutation(moments)) + 17 / 24
    return churned


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


def draw_plan_changes(
    generator: np.random.Generator,
    is_kind: dict[str, np.ndarray],
    created: np.ndarray,
    leaving: np.ndarray,
    fall_start: np.ndarray,
    fall_days: np.ndarray,
    plan: np.ndarray,
    days: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At most one change of contract an account: its moment, its step in plans, its seat factor."""
    count = len(plan)
    moment = LEAD_DAYS + days * generator.uniform(0.1, 0.95, count)
    chance = generator.random(count)
    upgrades = (is_kind["growing"] & (chance < 0.8)) | (is_kind["healthy"] & (chance < 0.08))
    downgrades = (is_kind["fading"] & (chance < 0.4)) | (is_kind["struggling"] & (chance < 0.35))
    moment = np.where(is_kind["fading"], fall_start + fall_days * 0.6, moment)
    step = np.where(upgrades, (chance < 0.55).astype(int), np.where(downgrades, -1, 0))
    step = np.clip(plan + step, 0, len(PLANS) - 1) - plan
    factor = np.where(upgrades, generator.uniform(1.15, 1.5, count), 1.0)
    factor = np.where(downgrades, generator.uniform(0.6, 0.85, count), factor)
    applies = (upgrades | downgrades) & (moment > created + 45) & (moment < leaving - 5)
    return np.where(applies, np.floor(moment) + 0.5, np.inf), step, factor


def company_names(generator: np.random.Generator, count: int) -> list[str]:
    """Distinct invented names; beyond the number of pairs, with a number."""
    pairs = [f"{start} {end}" for start in NAME_STARTS for end in NAME_ENDS]
    order = generator.permutation(len(pairs))
    rounds = [pairs[order[number % len(pairs)]] for number in range(count)]
    return [
        name if number < len(pairs) else f"{name} {number // len(pairs) + 1}"
        for number, name in enumerate(rounds)
    ]


def draw_levels(
    generator: np.random.Generator, accounts: pd.DataFrame, end: int
) -> dict[str, np.ndarray]:
    """How well each account does in each channel, account by day; 0 before and after its life."""
    column = {name: accounts[name].to_numpy()[:, None] for name in accounts}
    count = len(accounts)
    day = np.arange(end)[None, :]
    fall = np.clip((day - column["fall_start"]) / column["fall_days"], 0, 1)
    rise = np.clip((day - column["rise_start"]) / 25, 0, 1)
    decline = 0.96 * fall * (1 - rise)
    age = day - column["created"]
    ramp = np.clip(0.2 + 0.8 * age / column["ramp_days"], 0.2, 1)
    season = 0.55 - 0.45 * np.cos(2 * np.pi * (day - column["quiet_season"]) / 180)
    disappointment = np.clip(1 - age / 120, 0.2, 1)
    own_course = {
        "usage": ramp * np.where(column["fate"] == "seasonal", season, 1),
        "manager": np.where(column["fate"] == "never_launched", disappointment, 1),
    }
    is_alive = (day >= np.ceil(column["created"])) & ~(day >= np.floor(column["churned"]))
    levels = {}
    for channel, share in CHANNEL_SHOWS.items():
        weekly = generator.normal(1, 0.06, (count, end // 7 + 1))
        noise = np.repeat(weekly, 7, axis=1)[:, :end]
        shows = generator.random((count, 1)) < share
        level = column["usual"] * (1 - decline * shows) * noise * own_course.get(channel, 1)
        levels[channel] = (np.clip(level, 0, 1.1) * is_alive).astype(np.float32)
    return levels


def draw_users(generator: np.random.Generator, accounts: pd.DataFrame, end: int) -> pd.DataFrame:
    """One row per user, ordered by account; `propensity` is the chance of use on a good workday."""
    seats = accounts["seats"].to_numpy()
    usual = accounts["usual"].to_numpy()
    fill = np.clip(0.35 + 0.55 * usual + generator.normal(0, 0.08, len(accounts)), 0.2, 1.0)
    sizes = np.maximum(2, np.round(seats * fill)).astype(int)
    account = np.repeat(np.arange(len(accounts)), sizes)
    count = len(account)
    number = np.arange(count) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    born = accounts["created"].to_numpy()[account]
    last = np.fmin(accounts["churned"].to_numpy()[account], end)
    share = np.where(
        generator.random(count) < 0.7,
        np.minimum(generator.exponential(12, count) / np.maximum(last - born, 1), 0.95),
        generator.uniform(0, 0.95, count),
    )
    created = np.where(number == 0, born, born + share * (last - born))
    leaves = (generator.random(count) < 0.06) & (number > 1)
    deactivated = np.where(leaves, generator.uniform(created, last), np.nan)
    propensity = generator.beta(1.4, 3.0, count) * np.where(seats > 400, 0.25, 1.0)[account]
    propensity = np.where(generator.random(count) < 0.06, 0.0, propensity)
    propensity = np.where(number == 0, 0.55, propensity)  # the main user carries the account
    return pd.DataFrame(
        {
            "user_id": [f"usr_{place:06d}" for place in range(1, count + 1)],
            "account": account,
            "number": number,
            "created": created,
            "deactivated": deactivated,
            "propensity": propensity,
        }
    )


# Drawing helpers


def workday_factors(company: Company) -> np.ndarray:
    """How busy each day is against a workday: little happens at weekends."""
    weekdays = (company.origin.astype("datetime64[D]").astype(int) + 3 + np.arange(company.end)) % 7
    return np.array([1.0, 1.05, 1.05, 1.0, 0.85, 0.14, 0.12])[weekdays]


def office_hours(generator: np.random.Generator, count: int) -> np.ndarray:
    """Times of day as shares of a day: most lie around 13:00 UTC, none at midnight."""
    return np.clip(generator.normal(13, 3.2, count), 0.2, 23.8) / 24


def draw_moments(
    company: Company, generator: np.random.Generator, rates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Accounts and moments of things that happen at `rates` (account by day) while it lives."""
    alive = company.levels["billing"] > 0
    counts = generator.poisson(rates * alive * workday_factors(company))
    cells = np.repeat(np.arange(counts.size), counts.ravel())
    account, day = np.divmod(cells, company.end)
    moment = day + office_hours(generator, len(day))
    order = np.argsort(moment, kind="stable")
    return account[order], moment[order]


def pick(generator: np.random.Generator, words: tuple[str, ...], shares: np.ndarray) -> np.ndarray:
    """One word a row, by the row's own shares."""
    ladder = np.cumsum(shares, axis=1)
    ladder /= ladder[:, -1:]
    place = (ladder < generator.random(len(shares))[:, None]).sum(axis=1)
    return np.array(words, dtype=object)[place]


def pick_users(
    company: Company, generator: np.random.Generator, account: np.ndarray, moment: np.ndarray
) -> np.ndarray:
    """A user of each row's account, created by then; the main user where the one drawn was not."""
    sizes = np.bincount(company.users["account"], minlength=len(company.accounts))
    first = np.cumsum(sizes) - sizes
    place = first[account] + np.floor(generator.random(len(account)) * sizes[account]).astype(int)
    too_early = company.users["created"].to_numpy()[place] >= moment
    place = np.where(too_early, first[account], place)
    return company.users["user_id"].to_numpy()[place]


def numbered(prefix: str, count: int) -> list[str]:
    return [f"{prefix}_{number:06d}" for number in range(1, count + 1)]


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


# The tables


def accounts_table(company: Company, generator: np.random.Generator) -> pd.DataFrame:
    frame = company.accounts
    churned_at = company.timestamps(frame["churned"].to_numpy())
    is_child = generator.random(len(frame)) < 0.03
    parents = generator.choice(frame["account_id"], len(frame))
    is_child &= parents != frame["account_id"]
    is_young = company.end - frame["created"] < 75
    return pd.DataFrame(
        {
            "account_id": frame["account_id"],
            "account_name": frame["account_name"],
            "created_at": company.timestamps(frame["created"].to_numpy()),
            "parent_account_id": np.where(is_child, parents, None),
            "csm_email": np.where(generator.random(len(frame)) < 0.01, None, frame["csm_email"]),
            "lifecycle_stage": np.where(is_young, "onboarding", "live"),
            "industry": frame["industry"],
            "region": frame["region"],
            "churned_at": churned_at,
            "planted_fate": frame["fate"],
            "planted_churn_at": churned_at,
        }
    )


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
    loses_sponsor = has_sponsor & (accounts["fate"] == "fading") & chance(0.5)
    is_seasonal = accounts["fate"] == "seasonal"
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
    is_slow = (accounts["fate"] == "never_launched") & chance(0.8)
    entries.append(("slow_onboarding", "risk", is_slow, created + 32, never))
    for words, share in ((CONFIDENCE_TAGS, 0.7), (CONFIDENCE_TAGS[:2], 0.3)):
        added = created + generator.uniform(10, 200, count)
        removed = np.where(chance(0.6), accounts["fall_start"] + 20, np.nan)
        is_liked = chance(share * np.clip(2 * accounts["usual"] - 0.9, 0.05, 1))
        entries.append((generator.choice(words, count), "confidence", is_liked, added, removed))
    is_strategic = chance(np.where(accounts["seats"] >= 60, 0.4, 0.04))
    entries.append(("strategic", "label", is_strategic, created + 35, never))
    entries.append(("partner_referred", "label", chance(0.12), created + 0.2, never))
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


def users_table(company: Company, generator: np.random.Generator) -> pd.DataFrame:
    users = company.users
    first = generator.choice(FIRST_NAMES, len(users))
    last = generator.choice(LAST_NAMES, len(users))
    role = generator.choice(["member", "editor", "viewer"], len(users), p=[0.6, 0.25, 0.15])
    return pd.DataFrame(
        {
            "user_id": users["user_id"],
            "account_id": company.column("account_id", users["account"].to_numpy()),
            "created_at": company.timestamps(users["created"].to_numpy()),
            "email": users["user_id"] + "@customer.example.com",
            "user_name": [" ".join(names) for names in zip(first, last, strict=True)],
            "role": np.where(users["number"] == 0, "admin", role),
            "deactivated_at": company.timestamps(users["deactivated"].to_numpy()),
        }
    )


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
    fate = generator.random(len(account))
    is_credit, is_void = fate < 0.01, fate > 0.99
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


def tickets_table(company: Company, generator: np.random.Generator) -> pd.DataFrame:
    frame = company.accounts
    size = np.sqrt(frame["seats"].to_numpy())[:, None]
    support = company.levels["support"]
    account, created = draw_moments(
        company, generator, 0.016 * size * (0.5 + 2.4 * np.clip(1 - support, 0, 1))
    )
    count = len(account)
    gloom = np.clip(1 - company.level("support", account, created), 0, 1)
    shares = np.stack([0.2 + 0 * gloom, 0.55 + 0 * gloom, 0.12 + 0.35 * gloom, 0.02 + 0.2 * gloom])
    priority = pick(generator, PRIORITIES, shares.T)
    typical_hours = pd.Series(priority).map(dict(zip(PRIORITIES, (50, 30, 16, 8), strict=True)))
    hours = typical_hours.to_numpy() * generator.lognormal(0, 0.8, count) * (0.6 + 5 * gloom**2)
    is_stuck = generator.random(count) < 0.05 + 0.3 * gloom**2
    hours = np.where(is_stuck, generator.uniform(10, 60, count) * 24, np.maximum(hours, 0.5))
    solved = company.occurred(created + hours / 24)
    reply_hours = np.minimum(generator.lognormal(1.0, 0.8, count) * (0.7 + 2 * gloom), hours * 0.9)
    rating = np.clip(np.round(generator.normal(4.8 - 2.9 * gloom, 0.75, count)), 1, 5)
    rated = company.occurred(solved + generator.uniform(0.02, 2, count))
    has_rating = (generator.random(count) < 0.4) & ~np.isnan(rated)
    keeps_time = generator.random(count) < 0.9  # the others count when they were solved
    return pd.DataFrame(
        {
            "ticket_id": numbered("tkt", count),
            "account_id": company.column("account_id", account),
            "created_at": company.timestamps(created),
            "user_id": pick_users(company, generator, account, created),
            "priority": priority,
            "first_replied_at": company.timestamps(company.occurred(created + reply_hours / 24)),
            "solved_at": company.timestamps(solved),
            "reopens": generator.poisson(0.04 + 0.35 * gloom**2),
            "csat_score": np.where(has_rating, rating, np.nan),
            "csat_at": company.timestamps(np.where(has_rating & keeps_time, rated, np.nan)),
        }
    )


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


def risk_assessments_table(company: Company, generator: np.random.Generator) -> pd.DataFrame:
    """Account managers assess about every six weeks, and more often what worries them."""
    worry = np.clip(1 - company.levels["manager"], 0, 1)
    account, moment = draw_moments(company, generator, (0.025 + 0.05 * worry) * 7 / 5)
    level = company.level("manager", account, moment)
    score = np.clip(generator.normal(104 * (1 - level), 8), 0, 100)
    return pd.DataFrame(
        {
            "assessment_id": numbered("ras", len(account)),
            "account_id": company.column("account_id", account),
            "risk_score": np.round(score),
            "assessed_at": company.timestamps(moment),
            "author": company.column("csm_email", account),
            "note": np.where(score >= 70, "we may lose them", None),
        }
    )


def health_overrides_table(company: Company, generator: np.random.Generator) -> pd.DataFrame:
    """Now and then a manager knows better: one override for about every thirty accounts."""
    frame = company.accounts
    lasts = np.flatnonzero(frame["churned"].isna() & (frame["created"] < company.end - 40))
    count = min(len(lasts), max(1, len(frame) // 30))
    account = np.sort(generator.choice(lasts, count, replace=False))
    moment = company.end - generator.uniform(1, 30, count)
    return pd.DataFrame(
        {
            "override_id": numbered("ovr", count),
            "account_id": company.column("account_id", account),
            "pillar_id": generator.choice(["overall", "product_adoption", "relationship"], count),
            "state": generator.choice(["good", "average", "poor"], count),
            "reason": "agreed with the customer in a talk that no system knows of",
            "author": company.column("csm_email", account),
            "created_at": company.timestamps(moment),
            "expires_at": company.timestamps(moment + generator.uniform(10, 60, count)),
        }
    )


BUILDERS: dict[str, Callable[[Company, np.random.Generator], pd.DataFrame]] = {
    "accounts": accounts_table,
    "account_attributes": account_attributes_table,
    "account_tags": account_tags_table,
    "users": users_table,
    "subscriptions": subscriptions_table,
    "invoices": invoices_table,
    "tickets": tickets_table,
    "touchpoints": touchpoints_table,
    "survey_responses": survey_responses_table,
    "risk_assessments": risk_assessments_table,
    "health_overrides": health_overrides_table,
}


# Events, a day at a time


@dataclass(frozen=True)
class EventSource:
    """What all days of events share, ready for vectorised draws."""

    company: Company
    user_account: np.ndarray
    propensity: np.ndarray
    first_day: np.ndarray
    last_moment: np.ndarray
    feature_ladders: np.ndarray
    account_ids: pa.Array
    user_ids: pa.Array
    busyness: np.ndarray


def event_source(company: Company) -> EventSource:
    generator = generator_for(company.seed, "features")
    users, accounts = company.users, company.accounts
    adoption = 0.25 + 0.65 * accounts["usual"].to_numpy()[:, None]
    adopts = (generator.random((len(accounts), len(FEATURES))) < adoption) | ALWAYS_USED
    ladders = np.cumsum(FEATURE_SHARES * adopts, axis=1)
    return EventSource(
        company=company,
        user_account=users["account"].to_numpy(),
        propensity=users["propensity"].to_numpy(),
        first_day=np.ceil(users["created"].to_numpy()),
        last_moment=np.nan_to_num(users["deactivated"].to_numpy(), nan=np.inf),
        feature_ladders=ladders / ladders[:, -1:],
        account_ids=pa.array([*accounts["account_id"], "acc_gone"]),
        user_ids=pa.array(users["user_id"].to_list()),
        busyness=workday_factors(company),
    )


def events_of_day(source: EventSource, day: int) -> pa.Table:
    """The events of one UTC day, in the order in which they were loaded."""
    company = source.company
    generator = np.random.default_rng([company.seed, zlib.crc32(b"events"), day])
    level = company.levels["usage"][:, day][source.user_account]
    chance = source.propensity * level**1.4 * source.busyness[day]
    is_active = generator.random(len(chance)) < chance
    is_active &= (source.first_day <= day) & (source.last_moment >= day + 1)
    active = np.flatnonzero(is_active)
    user = np.repeat(active, 1 + generator.poisson(0.7, len(active)))
    count = len(user)
    account = source.user_account[user]
    draws = generator.random(count)[:, None]
    feature = (source.feature_ladders[account] < draws).sum(axis=1)
    occurred = day + office_hours(generator, count)
    delay = np.where(
        generator.random(count) < 0.01,
        generator.uniform(6, 40, count) / 24,
        generator.uniform(2, 50, count) / 1440,
    )
    frame = pd.DataFrame(
        {
            "number": np.arange(1, count + 1),
            "account": account.astype(float),
            "feature": feature.astype(float),
            "occurred": occurred,
            "user": np.where(generator.random(count) < 0.005, np.nan, user),
            "module": feature.astype(float),
            "event_count": generator.geometric(0.4, count).astype(float),
            "loaded": occurred + delay,
        }
    )
    frame = soiled_events(frame, generator, len(company.accounts))
    frame = frame[frame["loaded"] < company.end].sort_values("loaded", kind="stable")
    return event_table(source, frame, day)


def soiled_events(
    frame: pd.DataFrame, generator: np.random.Generator, stranger: int
) -> pd.DataFrame:
    """A few rows of the day broken, copied, or sent again with another count."""
    fault = np.where(
        generator.random(len(frame)) < EVENT_DIRT_SHARE, generator.integers(0, 6, len(frame)), -1
    )
    frame.loc[fault == 0, "account"] = stranger
    frame.loc[fault == 1, "account"] = np.nan
    frame.loc[fault == 2, "feature"] = np.nan
    frame.loc[fault == 3, "event_count"] = -1
    copied, sent_again = frame[fault == 4].copy(), frame[fault == 5].copy()
    copied["loaded"] += 0.01
    sent_again["loaded"] += 0.02
    sent_again["event_count"] += 1
    return pd.concat([frame, copied, sent_again], ignore_index=True)


def event_table(source: EventSource, frame: pd.DataFrame, day: int) -> pa.Table:
    def taken(values: pa.Array, column: str) -> pa.Array:
        return values.take(pa.array(frame[column], pa.int64(), from_pandas=True))

    timestamps_of = source.company.timestamps
    day_prefix = f"evt_{source.company.date_of(day):%Y%m%d}_"
    numbers = pc.utf8_lpad(pa.array(frame["number"]).cast(pa.string()), 6, "0")
    columns = {
        "event_id": pc.binary_join_element_wise(day_prefix, numbers, ""),
        "account_id": taken(source.account_ids, "account"),
        "feature": taken(pa.array(FEATURES), "feature"),
        "occurred_at": timestamps_of(frame["occurred"].to_numpy()),
        "user_id": taken(source.user_ids, "user"),
        "module": taken(pa.array(MODULES), "module"),
        "event_count": frame["event_count"].astype(int),
        "loaded_at": timestamps_of(frame["loaded"].to_numpy()),
    }
    schema = schema_of("events")
    arrays = [pa.array(columns[field.name], type=field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


# Dirt in the other tables


@dataclass(frozen=True)
class Fault:
    """One way to break a row.

    `new` appends a copy under a key of its own with the column broken, so that no good row is
    lost; `twin` one under the same key with the time moved back; `copy` an exact one. `change`
    breaks the value where it stands, and `reverse` puts an end before its start.
    """

    kind: str
    column: str = ""
    value: object = None


STRANGER = Fault("new", "account_id", "acc_gone")
FAULTS = {
    "accounts": (Fault("new", "account_name"), Fault("twin", "created_at"), Fault("copy")),
    "account_attributes": (STRANGER, Fault("new", "attribute"), Fault("copy")),
    "account_tags": (
        Fault("new", "kind", "mood"),
        Fault("copy"),
        Fault("reverse", "removed_at", "added_at"),
        Fault("new", "tag"),
    ),
    "users": (
        STRANGER,
        Fault("new", "account_id"),
        Fault("twin", "created_at"),
        Fault("reverse", "deactivated_at", "created_at"),
        Fault("copy"),
    ),
    "subscriptions": (STRANGER, Fault("new", "mrr", -49.0), Fault("copy")),
    "invoices": (STRANGER, Fault("new", "amount"), Fault("twin", "issued_at"), Fault("copy")),
    "tickets": (
        Fault("change", "priority", "p1"),
        Fault("reverse", "solved_at", "created_at"),
        Fault("change", "csat_score", 7),
        STRANGER,
        Fault("new", "account_id"),
        Fault("twin", "created_at"),
        Fault("change", "reopens", -1),
        Fault("copy"),
    ),
    "touchpoints": (
        Fault("new", "channel", "fax"),
        STRANGER,
        Fault("new", "account_id"),
        Fault("twin", "occurred_at"),
        Fault("copy"),
    ),
    "survey_responses": (
        Fault("new", "score", "n/a"),
        Fault("new", "score", "14"),
        Fault("new", "kind", "csi"),
        STRANGER,
        Fault("copy"),
    ),
    "risk_assessments": (
        Fault("new", "risk_score", 140.0),
        Fault("new", "risk_score"),
        STRANGER,
        Fault("copy"),
    ),
    "health_overrides": (Fault("new", "state", "fine"),),
}


def soiled(table: str, frame: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """The table with a small share of its rows broken, each fault of the table in turn."""
    count = round(len(frame) * DIRT_SHARE)
    places = generator.choice(len(frame), count, replace=False)
    columns = TABLES[table].split()
    key = None if table in TABLES_WITHOUT_KEY else columns[0]
    main_time = next(column for column in columns if column.endswith("_at"))
    added = []
    for turn, fault in enumerate(FAULTS[table]):
        rows = places[turn :: len(FAULTS[table])]
        if fault.kind == "change":
            frame.loc[rows, fault.column] = fault.value
        elif fault.kind == "reverse":
            frame.loc[rows, fault.column] = frame.loc[rows, fault.value] - pd.Timedelta(days=2)
        else:
            copies = frame.loc[rows].copy()
            if fault.kind == "new":
                if key:
                    copies[key] += "x"
                copies[fault.column] = fault.value
            if fault.kind == "twin":
                copies[fault.column] -= pd.Timedelta(hours=1)
            added.append(copies)
    return pd.concat([frame, *added]).sort_values(main_time, kind="stable", ignore_index=True)


# Writing


def write_sample(
    folder: Path,
    *,
    seed: int = 7,
    accounts: int = 200,
    days: int = 180,
    end_date: date | None = None,
) -> dict[str, int]:
    """Write the company into the folder and return the number of rows by table.

    There are events for `days` days up to but not including `end_date` (the current UTC date when
    not given); the slower tables reach further back. The folder appears whole or not at all: all
    is written beside it and moved into place. One that has other files in it is refused.
    """
    folder = folder.resolve()
    refuse_what_is_not_ours(folder)
    company = draw_company(seed, accounts, days, end_date or datetime.now(UTC).date())
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    rows = {table: write_table(company, table, unfinished) for table in BUILDERS}
    rows["events"] = write_events(company, unfinished / "events")
    marker = {
        "seed": seed,
        "accounts": accounts,
        "days": days,
        "end_date": company.end_date.isoformat(),
        "files": file_sizes(unfinished),
    }
    (unfinished / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
    put_in_place(unfinished, folder)
    return {table: rows[table] for table in TABLES}


def write_table(company: Company, table: str, folder: Path) -> int:
    generator = generator_for(company.seed, table)
    frame = soiled(table, BUILDERS[table](company, generator), generator)
    schema = schema_of(table)
    rows = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    pq.write_table(rows.replace_schema_metadata(None), folder / f"{table}.parquet")
    return len(frame)


def write_events(company: Company, folder: Path) -> int:
    source = event_source(company)
    rows = 0
    for day in range(LEAD_DAYS, company.end):
        table = events_of_day(source, day)
        day_folder = folder / f"occurred_on={company.date_of(day)}"
        day_folder.mkdir(parents=True)
        pq.write_table(table, day_folder / "part-0.parquet")
        rows += table.num_rows
    return rows


def end_of_sample(folder: Path) -> date | None:
    """The end date of the sample in the folder; None where it holds no sample."""
    marker = folder / MARKER
    if not marker.is_file():
        return None
    return date.fromisoformat(json.loads(marker.read_text())["end_date"])


def file_sizes(folder: Path) -> dict[str, int]:
    """Bytes by path of all files below the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def written_sizes(folder: Path) -> dict[str, int]:
    """Bytes by path of the files that a sample wrote here, as its marker says; else empty."""
    marker = folder / MARKER
    try:
        written = dict(json.loads(marker.read_text(encoding="utf-8"))["files"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}
    return written | {MARKER: marker.stat().st_size}


def refuse_what_is_not_ours(folder: Path) -> None:
    """Stop before anything is lost: only an empty folder or an untouched sample is replaced."""
    if folder.exists() and not folder.is_dir():
        raise click.ClickException(f"{folder} is not a folder.")
    written = written_sizes(folder)
    foreign = [name for name, size in file_sizes(folder).items() if written.get(name) != size]
    if foreign:
        raise click.ClickException(
            f"{folder} has files that are not of a sample, such as {foreign[0]}. "
            "Nothing was written: choose another folder or move them away."
        )


def put_in_place(new: Path, folder: Path) -> None:
    """Swap whole folders by renaming, so that no reader ever meets half of a sample."""
    replaced = folder.with_name(f".{folder.name}.replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    if folder.exists():
        folder.rename(replaced)
    new.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data/raw"),
    show_default=True,
    help="Where the raw tables go.",
)
@click.option("--accounts", type=click.IntRange(min=1), default=200, show_default=True)
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=180,
    show_default=True,
    help="Days that have events.",
)
@click.option(
    "--end-date",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    help="The first day without records. [default: the current UTC date]",
)
@click.option("--seed", type=int, default=7, show_default=True)
def main(folder: Path, accounts: int, days: int, end_date: datetime | None, seed: int) -> None:
    """Write an invented B2B SaaS company as the twelve raw tables."""
    last = end_date.date() if end_date else None
    rows = write_sample(folder, seed=seed, accounts=accounts, days=days, end_date=last)
    click.echo(f"Wrote to {folder}:")
    for table, count in rows.items():
        click.echo(f"  {table:<20}{count:>10,} rows")


if __name__ == "__main__":
    main()
