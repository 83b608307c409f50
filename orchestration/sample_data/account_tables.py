"""Account tables: `accounts` and `users`, the raw tables of who is there."""

import numpy as np
import pandas as pd

from orchestration.sample_data.company import Company
from orchestration.sample_data.names import FIRST_NAMES, LAST_NAMES


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
            "planted_scenario": frame["scenario"],
            "planted_churn_at": churned_at,
        }
    )


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
