"""Support tables: `tickets`, how fast they are solved and how that was liked."""

import numpy as np
import pandas as pd

from orchestration.sample_data.company import Company
from orchestration.sample_data.drawing import draw_moments, numbered, pick, pick_users

PRIORITIES = ("low", "normal", "high", "urgent")


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
