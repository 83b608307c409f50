"""Events: the table `events` with its own dirt, made a day at a time as it is by far the largest.

Writing the days to files belongs in `writing`.
"""

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.sample_data.company import Company
from orchestration.sample_data.drawing import office_hours, workday_factors
from orchestration.sample_data.randomness import generator_for
from orchestration.sample_data.raw_schema import schema_of

EVENT_DIRT_SHARE = 0.002  # of the events of each day

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
