"""The company: what is drawn once and shared by all tables, and how to ask it about a moment.

No columns of raw tables belong here.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from orchestration.sample_data.accounts import draw_accounts
from orchestration.sample_data.daily_levels import draw_levels
from orchestration.sample_data.event_times import LEAD_DAYS, timestamps
from orchestration.sample_data.randomness import generator_for
from orchestration.sample_data.users import draw_users


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


def draw_company(seed: int, accounts: int, days: int, end_date: date) -> Company:
    generator = generator_for(seed, "company")
    frame = draw_accounts(generator, accounts, days)
    levels = draw_levels(generator, frame, LEAD_DAYS + days)
    users = draw_users(generator, frame, LEAD_DAYS + days)
    return Company(seed, days, end_date, frame, users, levels)
