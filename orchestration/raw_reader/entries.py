"""Entries: what people enter, a file of one row each beside the raw tables.

A row is of the raw table `health_entries` (docs/raw_tables.md, "Entries"), added and never changed:
it counts from the next health date that is calculated after it.
"""

import json
import math
import os
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from orchestration.base import clock
from orchestration.base.settings import Settings
from orchestration.raw_reader.definitions import raw_definitions

LONGEST = 2000  # characters of a note
NAMES = {
    "risk_score": "The risk score",
    "tag": "The tag",
    "tag_kind": "The kind of the tag",
    "pillar_id": "The pillar",
    "state": "The state",
    "note": "The reason",
    "refers_to": "The override",
    "expires_at": "The last day",
}


def columns() -> Mapping[str, Mapping[str, Any]]:
    """The columns that a person fills in, with what the raw table asks of each."""
    known = raw_definitions()["health_entries"].columns
    return {name: known[name] for name in NAMES}


def tag_kinds() -> list[tuple[str, str]]:
    return [(kind, kind) for kind in columns()["tag_kind"]["words"]]


class Refused(Exception):
    """What is wrong with an entry, in words for who wrote it."""


def checked(
    form: Mapping[str, str], pillars: Sequence[str], overrides: Collection[str]
) -> dict[str, Any]:
    """The columns of an entry as a form says them; Refused says which is wrong.

    pillars: of the configuration. overrides: ids of the account's, which are all that it may end.
    """
    kind = form.get("kind", "")
    if kind not in raw_definitions()["health_entries"].columns["kind"]["words"]:
        raise Refused("This kind of entry is not known.")
    entry: dict[str, Any] = {"kind": kind}
    for name, meta in columns().items():
        text = form.get(name, "").strip()
        words = list(meta.get("words", ()))
        if meta.get("words_from") == "pillars":
            words += pillars
        if not text and kind in meta.get("required_for", ()):
            raise Refused(f"{NAMES[name]} is missing.")
        if len(text) > LONGEST:
            raise Refused(f"{NAMES[name]} is longer than {LONGEST} characters.")
        if text and words and text not in words:
            raise Refused(f"{NAMES[name]} is one of {', '.join(words)}.")
        if text and name == "refers_to" and text not in overrides:
            raise Refused("The account has no such override.")
        if text:
            read = {"number": a_number, "time": a_day_to_come}.get(meta.get("kind", ""))
            entry[name] = read(name, text, meta) if read else text
    return entry


def a_number(name: str, text: str, meta: Mapping[str, Any]) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not meta["minimum"] <= amount <= meta["maximum"]:
        least, most = meta["minimum"], meta["maximum"]
        raise Refused(f"{NAMES[name]} is a number from {least} to {most}.")
    return amount


def a_day_to_come(name: str, text: str, meta: Mapping[str, Any]) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refused(f"{NAMES[name]} is a date, such as 2026-12-31.") from None
    if day <= clock.today():
        raise Refused(f"{NAMES[name]} has to be after today.")
    return day.isoformat()


def folder(settings: Settings) -> Path:
    return settings.raw / "health_entries"


def write(settings: Settings, account: str, author: str, entry: Mapping[str, Any]) -> str:
    """Add the entry as a file of its own, whole or not at all; its id."""
    entered = clock.now()
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


def pending(settings: Settings, account: str, last_date: date) -> list[dict[str, Any]]:
    """The account's entries that no health date up to the last knows yet, the latest first.

    A health date knows what was entered before its midnight. Names of files begin with the time.
    """
    counted = f"{last_date:%Y%m%d}T"
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
