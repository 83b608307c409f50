"""Filters: which accounts a page is about, as its address says it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from orchestration.pages.words import STATES, day, money, spaced
from orchestration.publishing.open_publication import Snapshot

Pairs = Sequence[tuple[str, str]]
NAMES = (
    *("q", "manager", "segment", "state", "pillar", "pillar_state", "mrr_from", "mrr_to", "tag"),
    *("property", "property_is", "changed", "match"),
)
HAS_PROPERTY = (
    "accounts.account_id in (select account_id from health.account_properties"
    " where property_id = ?{})"
)
IS_VALUE = " and (lower(value_text) = lower(?) or value_number = try_cast(? as double))"


class Query:
    """The pairs after the `?` of an address, in their order."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs: Pairs = [(name, value) for name, value in pairs if value != ""]

    def get(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.pairs if key == name), default)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    def whole(self, name: str, default: int, least: int = 1, most: int = 10**6) -> int:
        """A whole number; what is none, or out of bounds, is the default."""
        text = self.get(name)
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            return default
        return int(text) if least <= int(text) <= most else default

    def day(self, name: str) -> date | None:
        """A date; None for what is none."""
        try:
            return date.fromisoformat(self.get(name))
        except ValueError:
            return None

    def one_of(self, name: str, known: Iterable[str]) -> str:
        """One of the known values; what is none of them is the first."""
        known = list(known)
        return self.get(name) if self.get(name) in known else known[0]

    def with_(self, **changes: object) -> str:
        """The same address with other values: None takes a name away, a list repeats it."""
        kept = [(name, value) for name, value in self.pairs if name not in changes]
        for name, value in changes.items():
            values = value if isinstance(value, list) else [] if value is None else [value]
            kept += [(name, str(one)) for one in values]
        return "?" + urlencode(kept)

    def only(self, *names: str) -> str:
        """The part of the address that another page understands."""
        return "?" + urlencode([(name, value) for name, value in self.pairs if name in names])

    @property
    def filters(self) -> str:
        return self.only(*NAMES)


@dataclass(frozen=True)
class Clause:
    """One condition on `health.account_health as accounts`, in words and as SQL."""

    words: str
    sql: str
    values: list[Any]


ALL = Clause("all accounts", "true", [])


@dataclass(frozen=True)
class Chosen:
    """The accounts that a page is about, and in words which these are."""

    sql: str
    values: list[Any]
    words: list[str]
    is_any: bool


def marks(values: Sequence[object]) -> str:
    return ", ".join("?" for _ in values)


def clauses(query: Query, snapshot: Snapshot) -> list[Clause]:
    """What the address asks for. A value that stands for nothing known finds no account."""
    found: list[Clause] = []
    names = snapshot.configuration

    def one_of(name: str, label: str, column: str, words: Iterable[str]) -> None:
        if values := query.all(name):
            sql = f"{column} in ({marks(values)})"
            found.append(Clause(f"{label} is {' or '.join(words)}", sql, list(values)))

    if text := query.get("q"):
        sql = "(contains(lower(accounts.account_name), lower(?)) or accounts.account_id = ?)"
        found.append(Clause(f"name contains “{text}”", sql, [text, text]))
    managers = "coalesce(accounts.csm_email, 'nobody')"
    one_of("manager", "manager", managers, query.all("manager"))
    segments = [names.segment_names.get(one, one) for one in query.all("segment")]
    one_of("segment", "segment", "coalesce(accounts.segment_id, 'none')", segments)
    states = [STATES[one][1].lower() for one in query.all("state") if one in STATES]
    one_of("state", "overall", "accounts.overall_state", states)
    if (pillar := query.get("pillar")) and (wanted := query.all("pillar_state")):
        sql = (
            "accounts.account_id in (select account_id from health.pillar_health"
            f" where pillar_id = ? and state in ({marks(wanted)}))"
        )
        words = " or ".join(STATES[one][1].lower() for one in wanted if one in STATES)
        label = names.pillar_names.get(pillar, pillar)
        found.append(Clause(f"{label} is {words}", sql, [pillar, *wanted]))
    for name, operator, label in (("mrr_from", ">=", "from"), ("mrr_to", "<=", "up to")):
        if text := query.get(name):
            try:
                amount = float(text)
            except ValueError:
                continue
            sql = f"accounts.mrr {operator} ?"
            found.append(Clause(f"MRR {label} {money(amount)}", sql, [amount]))
    for tag in query.all("tag"):
        found.append(Clause(f"tag {spaced(tag)}", HAS_PROPERTY.format(""), [f"tag:{tag}"]))
    if prop := query.get("property"):
        label = names.signal_name(prop)
        if value := query.get("property_is"):
            sql = HAS_PROPERTY.format(IS_VALUE)
            found.append(Clause(f"{label} is {value}", sql, [prop, value, value]))
        else:
            found.append(Clause(f"{label} is known", HAS_PROPERTY.format(""), [prop]))
    if days := query.whole("changed", 0, most=3650):
        sql = (
            "accounts.account_id in (select account_id from health.health_changes"
            " where pillar_id = 'overall' and health_date > cast(? as date) - ?)"
        )
        last = snapshot.last_date
        words = f"overall changed within {days} days of {day(last)}"
        found.append(Clause(words, sql, [last, days]))
    return found


def chosen(query: Query, snapshot: Snapshot, visible: Clause, *, without: str = "") -> Chosen:
    """The accounts of the address; `without`: as if it did not have that name.

    visible: the accounts that who asks may see.
    """
    asked = Query([pair for pair in query.pairs if pair[0] != without])
    found = clauses(asked, snapshot)
    is_any = query.get("match") == "any" and len(found) > 1
    sql = (" or " if is_any else " and ").join(f"({clause.sql})" for clause in found) or "true"
    values = [value for clause in found for value in clause.values]
    if visible != ALL:
        sql, values = f"({sql}) and ({visible.sql})", [*values, *visible.values]
    return Chosen(sql, values, [clause.words for clause in found], is_any)
