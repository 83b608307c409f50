"""Entries: what people write on the pages, a file of one row each beside the raw tables.

A row is of the raw table `health_entries` (docs/raw_tables.md, "Entries"), added and never changed:
it counts from the next health date that is calculated after it.
"""

import json
import os
import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from orchestration.base.settings import Settings
from orchestration.pages.snapshot import Snapshot
from orchestration.pages.words import STATES

TAG_KINDS = ("risk", "confidence", "label")
LONGEST = 2000  # characters of a note
KINDS = {
    "risk_score": ("risk_score",),
    "tag_on": ("tag", "tag_kind"),
    "tag_off": ("tag",),
    "override": ("pillar_id", "state", "note"),
    "override_off": ("refers_to",),
}
OPTIONAL = {
    "risk_score": ("note",),
    "tag_on": ("note",),
    "tag_off": ("tag_kind", "note"),
    "override": ("expires_at",),
    "override_off": ("note",),
}
NAMES = {
    "risk_score": "The risk score",
    "tag": "The tag",
    "tag_kind": "The kind of the tag",
    "pillar_id": "The pillar",
    "state": "The state",
    "note": "The reason",
    "refers_to": "The override",
}


class Refused(Exception):
    """What is wrong with an entry, in words for who wrote it."""


def checked(form: Mapping[str, str], snapshot: Snapshot, overrides: set[str]) -> dict[str, Any]:
    """The columns of an entry as the form says them; Refused says which is wrong.

    overrides: ids of the account's, which are all that it may end.
    """
    kind = form.get("kind", "")
    if kind not in KINDS:
        raise Refused("This kind of entry is not known.")
    entry: dict[str, Any] = {"kind": kind}
    for name in (*KINDS[kind], *OPTIONAL[kind]):
        value = form.get(name, "").strip()
        if not value and name in KINDS[kind]:
            raise Refused(f"{NAMES[name]} is missing.")
        if len(value) > LONGEST:
            raise Refused(f"{NAMES.get(name, name)} is longer than {LONGEST} characters.")
        if value:
            entry[name] = value
    if "risk_score" in entry:
        try:
            amount = float(entry["risk_score"])
        except ValueError:
            amount = -1
        if not 0 <= amount <= 100:
            raise Refused("The risk score is a number from 0 to 100.")
        entry["risk_score"] = amount
    if entry.get("tag_kind", TAG_KINDS[0]) not in TAG_KINDS:
        raise Refused(f"The kind of the tag is one of {', '.join(TAG_KINDS)}.")
    pillars = (*snapshot.configuration.pillars, "overall")
    if entry.get("pillar_id", "overall") not in pillars:
        raise Refused(f"The pillar is one of {', '.join(pillars)}.")
    states = [state for state in STATES if state != "not_calculated"]
    if entry.get("state", "good") not in states:
        raise Refused(f"The state is one of {', '.join(states)}.")
    if entry.get("refers_to", "") not in {"", *overrides}:
        raise Refused("The account has no such override.")
    if "expires_at" in entry:
        try:
            expires = date.fromisoformat(entry["expires_at"])
        except ValueError:
            raise Refused("The last day is a date, such as 2026-12-31.") from None
        if expires <= datetime.now(UTC).date():
            raise Refused("The last day has to be after today.")
        entry["expires_at"] = expires.isoformat()
    return entry


def folder(settings: Settings) -> Path:
    return settings.raw / "health_entries"


def write(settings: Settings, account: str, author: str, entry: Mapping[str, Any]) -> str:
    """Add the entry as a file of its own, whole or not at all; its id."""
    entered = datetime.now(UTC)
    entry_id = f"{entered:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(4)}"
    row = {
        "entry_id": entry_id,
        "account_id": account,
        "entered_at": entered.isoformat(timespec="microseconds"),
        "author": author,
        **entry,
    }
    target = folder(settings)
    target.mkdir(parents=True, exist_ok=True)
    # A file whose name begins with `.` is no data; it becomes so when it is whole.
    unfinished = target / f".{entry_id}"
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(target / f"{entry_id}.jsonl")
    return entry_id


def overrides_of(settings: Settings, account: str, snapshot: Snapshot) -> set[str]:
    """Ids of the account's overrides, those that are pending too."""
    known = snapshot.rows(
        "select override_id from health.override_history where account_id = ?", [account]
    )
    entered = pending(settings, account, snapshot)
    return {row["override_id"] for row in known} | {
        f"entry:{row['entry_id']}" for row in entered if row["kind"] == "override"
    }


def pending(settings: Settings, account: str, snapshot: Snapshot) -> list[dict[str, Any]]:
    """The account's entries that no calculated health date knows yet, the latest first.

    A health date knows what was entered before its midnight. Names of files begin with the time.
    """
    counted = f"{snapshot.last_date:%Y%m%d}T"
    found = []
    if folder(settings).is_dir():
        for file in sorted(folder(settings).glob("*.jsonl"), reverse=True):
            if file.name < counted:
                break
            try:
                row = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue  # not ours; the checks of the raw tables name it
            if isinstance(row, dict) and row.get("account_id") == account:
                found.append(row)
    return found
