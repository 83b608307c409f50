"""Sample data: an invented B2B SaaS company, written as the twelve raw tables.

Every account has a scenario (healthy, fading, seasonal ...). It sets how well the account does each
day in usage, payments, tickets, answers to surveys and in the eyes of its account manager; all
records are drawn from those levels. `planted_scenario` and `planted_churn_at` in the accounts say
what was planted, so that a health score can be held against the truth. A little dirt is added.

Scenarios, plans and names make the company; the company makes the tables; dirt is added when they
are written. The same seed, size and end date give the same bytes. Only what others use is named
here.
"""

from orchestration.sample_data.sample_folder import end_of_sample
from orchestration.sample_data.writing import write_sample

__all__ = ["end_of_sample", "write_sample"]
