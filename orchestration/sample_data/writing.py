"""Writing: draws the company, builds every table and puts the files in place."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.base.clock import today
from orchestration.sample_data.account_logs import account_attributes_table, account_tags_table
from orchestration.sample_data.account_tables import accounts_table, users_table
from orchestration.sample_data.assessment_tables import (
    health_overrides_table,
    risk_assessments_table,
)
from orchestration.sample_data.billing_tables import invoices_table, subscriptions_table
from orchestration.sample_data.company import Company, draw_company
from orchestration.sample_data.dirt import soiled
from orchestration.sample_data.event_times import LEAD_DAYS
from orchestration.sample_data.events import event_source, events_of_day
from orchestration.sample_data.randomness import generator_for
from orchestration.sample_data.raw_schema import TABLES, schema_of
from orchestration.sample_data.relationship_tables import survey_responses_table, touchpoints_table
from orchestration.sample_data.sample_folder import (
    MARKER,
    file_sizes,
    put_in_place,
    refuse_what_is_not_ours,
)
from orchestration.sample_data.support_tables import tickets_table

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
    company = draw_company(seed, accounts, days, end_date or today())
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
