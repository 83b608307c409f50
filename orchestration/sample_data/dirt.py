"""Dirt: the faults planted in all tables but events, which have theirs in `events`."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.sample_data.raw_schema import TABLES, TABLES_WITHOUT_KEY

DIRT_SHARE = 0.012  # of the rows of each table but events


@dataclass(frozen=True)
class Fault:
    """One way to break a row.

    `new` appends a copy under a key of its own with the column broken, so that no good row is
    lost; `twin` one under the same key with the time moved back; `copy` an exact one. `change`
    breaks the value where it stands, and `reverse` puts an end before its start.
    """

    kind: str
    column: str = ""
    value: object = None


STRANGER = Fault("new", "account_id", "acc_gone")

FAULTS = {
    "accounts": (Fault("new", "account_name"), Fault("twin", "created_at"), Fault("copy")),
    "account_attributes": (STRANGER, Fault("new", "attribute"), Fault("copy")),
    "account_tags": (
        Fault("new", "kind", "mood"),
        Fault("copy"),
        Fault("reverse", "removed_at", "added_at"),
        Fault("new", "tag"),
    ),
    "users": (
        STRANGER,
        Fault("new", "account_id"),
        Fault("twin", "created_at"),
        Fault("reverse", "deactivated_at", "created_at"),
        Fault("copy"),
    ),
    "subscriptions": (STRANGER, Fault("new", "mrr", -49.0), Fault("copy")),
    "invoices": (STRANGER, Fault("new", "amount"), Fault("twin", "issued_at"), Fault("copy")),
    "tickets": (
        Fault("change", "priority", "p1"),
        Fault("reverse", "solved_at", "created_at"),
        Fault("change", "csat_score", 7),
        STRANGER,
        Fault("new", "account_id"),
        Fault("twin", "created_at"),
        Fault("change", "reopens", -1),
        Fault("copy"),
    ),
    "touchpoints": (
        Fault("new", "channel", "fax"),
        STRANGER,
        Fault("new", "account_id"),
        Fault("twin", "occurred_at"),
        Fault("copy"),
    ),
    "survey_responses": (
        Fault("new", "score", "n/a"),
        Fault("new", "score", "14"),
        Fault("new", "kind", "csi"),
        STRANGER,
        Fault("copy"),
    ),
    "risk_assessments": (
        Fault("new", "risk_score", 140.0),
        Fault("new", "risk_score"),
        STRANGER,
        Fault("copy"),
    ),
    "health_overrides": (Fault("new", "state", "fine"),),
}


def soiled(table: str, frame: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """The table with a small share of its rows broken, each fault of the table in turn."""
    count = round(len(frame) * DIRT_SHARE)
    places = generator.choice(len(frame), count, replace=False)
    columns = TABLES[table].split()
    key = None if table in TABLES_WITHOUT_KEY else columns[0]
    main_time = next(column for column in columns if column.endswith("_at"))
    added = []
    for turn, fault in enumerate(FAULTS[table]):
        rows = places[turn :: len(FAULTS[table])]
        if fault.kind == "change":
            frame.loc[rows, fault.column] = fault.value
        elif fault.kind == "reverse":
            frame.loc[rows, fault.column] = frame.loc[rows, fault.value] - pd.Timedelta(days=2)
        else:
            copies = frame.loc[rows].copy()
            if fault.kind == "new":
                if key:
                    copies[key] += "x"
                copies[fault.column] = fault.value
            if fault.kind == "twin":
                copies[fault.column] -= pd.Timedelta(hours=1)
            added.append(copies)
    return pd.concat([frame, *added]).sort_values(main_time, kind="stable", ignore_index=True)
