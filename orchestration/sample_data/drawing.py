"""Drawing: helpers that more than one table uses to draw its records from the company.

A helper of a single table stands beside that table.
"""

import numpy as np

from orchestration.sample_data.company import Company


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
