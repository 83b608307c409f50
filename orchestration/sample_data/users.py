"""Users: how many users an account has, when they come and go, and how keen they are."""

import numpy as np
import pandas as pd


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
