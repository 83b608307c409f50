"""Raw data with unmistakable values in every column that may hold personal data.

A planted value says where it was planted: `zq`, the table, the column and a number, each between
letters that occur nowhere else. Ids of users are the same in all tables.
"""

import csv
import re
import shutil
from datetime import date
from pathlib import Path

import duckdb
import yaml
from pipeline import ROOT

from orchestration.base.settings import DBT_PROJECT
from orchestration.sample_data import write_sample

END = date(2026, 11, 22)
PLANT = re.compile("zq([a-z_]+?)x([a-z_]+?)xn([0-9]+)qz", re.IGNORECASE)
NOBODY = "zqconfigxthresholdxn1qz"
SOURCES = DBT_PROJECT / "models" / "staging" / "_staging__sources.yml"


def raw_columns() -> dict[str, dict[str, dict]]:
    """The meta of the columns of each raw table."""
    [source] = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    return {
        table["name"]: {
            column["name"]: column.get("config", {}).get("meta", {}) for column in table["columns"]
        }
        for table in source["tables"]
    }


def plant(raw: Path, accounts: int = 16, days: int = 40) -> None:
    """A raw folder of sample data, its personal data replaced by planted values."""
    write_sample(raw, accounts=accounts, days=days, end_date=END)
    with duckdb.connect() as connection:
        for table, columns in raw_columns().items():
            path = raw / table
            files = f"{path}/**/*.parquet" if path.is_dir() else f"{path}.parquet"
            if not list(raw.glob(f"{table}/**/*.parquet")) and not Path(files).exists():
                continue
            connection.execute(f"create or replace table old as from read_parquet('{files}')")
            there = {row[0] for row in connection.execute("describe old").fetchall()}
            changes = [
                f"{planted(table, column)} as {column}"
                for column, meta in columns.items()
                if column in there and meta.get("pii") and meta["pii"] != "signal_value"
            ]
            replaced = f"replace ({', '.join(changes)})" if changes else ""
            connection.execute(f"create or replace table new as select * {replaced} from old")
            if table == "account_attributes":
                connection.execute(ATTRIBUTES)
            if table == "risk_assessments":
                connection.execute("update new set note = 'zqrisk_assessmentsxnotexn0qz'")
            if path.is_dir():
                shutil.rmtree(path)
            connection.execute(f"copy new to '{raw / table}.parquet' (format parquet)")


# What people wrote into a log of attributes: one that rules ask for, which turns every other
# account poor a day before the end, and one that replaces the manager of the account.
ATTRIBUTES = f"""
    insert into new by name
    with accounts as (
        select account_id, row_number() over (order by account_id) as number
        from (select distinct account_id from new)
    ),
    entries as (
        select account_id, number, 'main_contact' as attribute, timestamp '{END}' - interval 9 day
            as recorded_at, 'zqaccount_attributesxvaluexn' || number || 'qz' as value
        from accounts
        union all
        select account_id, number, 'main_contact', timestamp '{END}' - interval 1 hour, '{NOBODY}'
        from accounts
        where number % 2 = 0
        union all
        select account_id, number, 'csm_email', timestamp '{END}' - interval 9 day,
            'zqaccount_attributesxvaluexn' || (number + 1000) || 'qz'
        from accounts
        where number % 5 = 0
    )
    select account_id, attribute, recorded_at, value from entries
"""


def planted(table: str, column: str) -> str:
    """SQL of the planted value; blanks and nulls stay, and every user has one id."""
    number = f"dense_rank() over (order by {column})"
    text = f"'zq{table}x{column}xn' || {number} || 'qz'"
    if column == "user_id":
        text = "'zqusersxuser_idxn' || regexp_replace(user_id, '[^0-9]', '', 'g') || 'qz'"
    return f"case when nullif(trim({column}), '') is not null then {text} end"


def seeds(folder: Path) -> Path:
    """The starter configuration, with rules on texts that people wrote."""
    shutil.copytree(ROOT / "seeds", folder)
    with (folder / "segments.csv").open(encoding="utf-8") as lines:
        segments = [row["segment_id"] for row in csv.DictReader(lines)]
    added = {
        "attributes": ["main_contact,,text,,Whom to talk to."],
        "milestones": [f"{{segment}},contact,Contact,99,main_contact,!=,{NOBODY},"],
        "health_rules": [f"{{segment}},external,poor,9,main_contact,=,{NOBODY},"],
        "segment_rules": ["strategic,9,csm_email,=,zqaccountsxcsm_emailxn1qz"],
    }
    for name, lines in added.items():
        with (folder / f"{name}.csv").open("a", encoding="utf-8") as file:
            for line in lines:
                for segment in segments if "{segment}" in line else [""]:
                    file.write(line.format(segment=segment) + "\n")
    return folder


def plants_in(text: str) -> set[tuple[str, str]]:
    """(table, column) of the planted values in a text."""
    return {(found[1].lower(), found[2].lower()) for found in PLANT.finditer(text)}
