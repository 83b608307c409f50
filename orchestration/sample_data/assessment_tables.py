"""Assessment tables: `risk_assessments` and `health_overrides`, what managers decide themselves."""

import numpy as np
import pandas as pd

from orchestration.sample_data.company import Company
from orchestration.sample_data.drawing import draw_moments, numbered


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
