"""Random test worlds: raw tables and a valid configuration, full of boundary cases and dirt.

A world is one raw folder, one folder of configuration files and a range of health dates. The same
seed writes the same bytes. The SQL pipeline and an independent reference calculate the same world,
and every difference between them is a fault of one of the two or a gap in the contract.

Inside this module a time is a whole number of nanoseconds since 1970 UTC and a number is an `int`
or a multiple of a quarter, so that sums of doubles are exact in any order. A `str` in a column of
times or numbers is dirt that is written as it stands.
"""

import csv
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
from reference.published import CORE_PILLARS
from world_files import (
    OBJECT_ENDINGS,
    TEXT_ENDINGS,
    Dialect,
    object_lines,
    object_text,
    packed,
    plain_row,
    random_dialect,
    separated_bytes,
    separated_lines,
    write_bytes,
    write_parquet,
)

Row = dict[str, Any]

MICROSECOND = 1_000
MINUTE = 60 * 10**9
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WINDOWS = (1, 3, 7, 14, 30, 90)

# What a world may have beside CSV and Parquet files that an ordinary program writes.
KINDS = (
    "formats",  # separated text in all dialects, packed files, JSON
    "mixed folders",  # files of any form side by side, types that differ, encoded partitions
    "headings",  # in any case, and twice
    "spellings",  # of times and numbers, all that are allowed and those that nearly are
    "null words",
    "declared values",  # raw_values.csv
    "currencies",  # and exchange_rates
    "products",
    "absent columns",
    "unreadable tables",
    "stray files",  # that belong to no table
)


@dataclass(frozen=True)
class World:
    """Where one random world lies, and the health dates to calculate, both ends included.

    `written`: what was written of each table that is there.
    """

    seed: int
    raw_dir: Path
    seeds_dir: Path
    start: date
    end: date
    reporting_currency: str = ""
    written: dict[str, "Written"] = field(default_factory=dict, compare=False, repr=False)

    @property
    def inputs(self) -> dict[str, Any]:
        """What the reference (`calculate`) is asked with."""
        names = ("raw_dir", "seeds_dir", "start", "end", "reporting_currency")
        return {name: getattr(self, name) for name in names}

    @property
    def dbt_arguments(self) -> tuple[str, ...]:
        """What dbt is told beside folders and dates."""
        currency = {"reporting_currency": self.reporting_currency}
        return ("--vars", json.dumps(currency)) if self.reporting_currency else ()


@dataclass
class Written:
    """The rows of a raw table as trimmed texts of the columns that are filled, and its columns.

    `broken_by`: what makes the table unreadable, if anything does.
    """

    rows: list[dict[str, str]] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)
    files: list[Path] = field(default_factory=list)
    broken_by: str | None = None


def make_world(folder: Path, seed: int, kinds: Collection[str] = KINDS) -> World:
    """Write the world of `seed` below `folder` and say where it is."""
    rng = random.Random(seed)
    end = _LAST_DATES[seed % len(_LAST_DATES)]
    start = end - timedelta(days=rng.randrange(10))
    currency = rng.choice(("", "", "EUR", "usd")) if "currencies" in kinds else ""
    world = World(seed, folder / "raw", folder / "seeds", start, end, currency)
    world.raw_dir.mkdir(parents=True)
    world.seeds_dir.mkdir(parents=True)
    unused = _unused_tables(rng, seed)
    configuration = _Configuration(rng, world, unused, kinds)
    configuration.write()
    tables = _Records(rng, world, configuration).tables()
    store = _Store(rng, world, tables, configuration.declared, kinds)
    if "unreadable tables" in kinds and seed % 4:
        store.break_for_sure(
            rng.choice([n for n in TABLES if n not in {*unused, "accounts"}]), seed
        )
    for name, table in TABLES.items():
        if name == "exchange_rates" and "currencies" not in kinds:
            continue
        if name in unused:
            store.write_nothing(table)
        else:
            store.write(table)
    if "stray files" in kinds:
        store.write_stray_files()
    return world


_LAST_DATES = (
    date(2026, 3, 5),
    date(2026, 2, 28),
    date(2026, 1, 1),
    date(2025, 12, 31),
    date(2024, 3, 1),
    date(2026, 3, 2),
    date(2024, 2, 29),
    date(2026, 10, 25),
)


def _unused_tables(rng: random.Random, seed: int) -> set[str]:
    """Up to three optional tables that the world does not have; each has its turn in 24 seeds."""
    optional = [name for name in TABLES if name != "accounts"]
    unused = set(rng.sample(optional, rng.choice((0, 0, 0, 1, 1, 2))))
    return unused | ({optional[seed // 2 * 5 % len(optional)]} if seed % 2 else set())


# Raw tables ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of a raw table; `low` and `high` are its range, `words` its vocabulary."""

    name: str
    kind: str  # text, word, time, number or code
    required: bool
    words: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Table:
    """A raw table with its key and its pairs of start and end."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def main_time(self) -> str:
        """The first required time, which places a row before or after a health date."""
        return next(c.name for c in self.columns if c.kind == "time" and c.required)

    def column(self, name: str) -> Column:
        """The column called `name`."""
        return next(c for c in self.columns if c.name == name)


def _table(name: str, columns: str, key: str = "", pairs: str = "") -> Table:
    """Read the short notation below: `*` required, `@` time, `#low:high` number, `=a|b` words,
    `$` code."""
    parsed = []
    for note in columns.split():
        head, _, words = note.partition("=")
        head, is_number, bounds = head.partition("#")
        low, _, high = bounds.partition(":")
        kind = "word" if words else "number" if is_number else "time" if "@" in head else "text"
        kind = "code" if "$" in head else kind
        parsed.append(
            Column(
                name=head.strip("*@$"),
                kind=kind,
                required="*" in head,
                words=tuple(words.split("|")) if words else (),
                low=float(low) if low else None,
                high=float(high) if high else None,
            )
        )
    halves = (pair.partition(">") for pair in pairs.split())
    ends = tuple((start, end) for start, _, end in halves)
    return Table(name, tuple(parsed), tuple(key.split()), ends)


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table(
            "accounts",
            "account_id* account_name* created_at*@ parent_account_id csm_email lifecycle_stage"
            " industry region churned_at@",
            key="account_id",
            pairs="created_at>churned_at",
        ),
        _table("account_attributes", "account_id* attribute* recorded_at*@ value"),
        _table(
            "account_tags",
            "account_id* tag* kind*=risk|confidence|label added_at*@ removed_at@ author note",
            pairs="added_at>removed_at",
        ),
        _table(
            "users",
            "user_id* account_id* created_at*@ email user_name role deactivated_at@",
            key="user_id",
            pairs="created_at>deactivated_at",
        ),
        _table(
            "events",
            "event_id* account_id* feature* occurred_at*@ user_id module product event_count#0:"
            " loaded_at@",
            key="event_id",
        ),
        _table(
            "subscriptions",
            "subscription_id* account_id* plan_id* mrr*#0: started_at*@ seats#0: ended_at@"
            " renews_at@ currency$",
            key="subscription_id started_at",
            pairs="started_at>ended_at",
        ),
        _table(
            "invoices",
            "invoice_id* account_id* amount*# issued_at*@ due_at@ paid_at@ voided_at@ currency$",
            key="invoice_id",
        ),
        _table(
            "tickets",
            "ticket_id* account_id* created_at*@ user_id priority=low|normal|high|urgent"
            " first_replied_at@ solved_at@ reopens#0: csat_score#1:5 csat_at@",
            key="ticket_id",
            pairs="created_at>first_replied_at created_at>solved_at",
        ),
        _table(
            "touchpoints",
            "touchpoint_id* account_id* channel*=email|call|meeting|webinar|qbr|visit|support|note"
            " occurred_at*@ direction csm_email user_id subject",
            key="touchpoint_id",
        ),
        _table(
            "survey_responses",
            "response_id* account_id* kind*=nps|pulse score*#0:10 responded_at*@ user_id",
            key="response_id",
        ),
        _table(
            "risk_assessments",
            "assessment_id* account_id* risk_score*#0:100 assessed_at*@ author note",
            key="assessment_id",
        ),
        # The rates are multiples of an eighth: worths are exact, and their sums too.
        _table("exchange_rates", "currency*$ rate_on*@ rate*#0.125:", key="currency rate_on"),
        _table(
            "health_overrides",
            "override_id* account_id* pillar_id*=overall state*=good|average|poor reason* author*"
            " created_at*@ expires_at@",
            key="override_id",
            pairs="created_at>expires_at",
        ),
        _table(
            "health_entries",
            "entry_id* account_id* kind*=risk_score|tag_on|tag_off|override|override_off"
            " entered_at*@ author* tag tag_kind=risk|confidence|label risk_score#0:100"
            " pillar_id=overall state=good|average|poor expires_at@ note refers_to",
            key="entry_id",
        ),
    )
}
# The columns that an entry of some kind needs as well.
NEEDED_BY_ENTRY = {
    "risk_score": ("risk_score",),
    "tag_on": ("tag", "tag_kind"),
    "tag_off": ("tag",),
    "override": ("pillar_id", "state", "note"),
    "override_off": ("refers_to",),
}

_FEATURES = ("login", "report", "export", "api_call", "dashboard", "bulk import", "Login")
_MODULES = ("core", "analytics", "billing", "Ärger")
_PRODUCTS = ("crm", "erp", "CRM", "Bürö & Co")
_CURRENCIES = ("EUR", "usd", "GBP", "chf", "XXX")
_TAGS = {
    "risk": ("budget_cut", "champion_left", "merger"),
    "confidence": ("sponsor", "expansion", "merger"),
    "label": ("vip", "pilot", "VIP"),
}
_STAGES = ("onboarding", "live", "renewal", "Live")
_INDUSTRIES = ("retail", "finance", "Health, Care", "Retail", "énergie")
_REGIONS = ("EU", "NA", "APAC", "no")
_MANAGERS = ("ana@example.com", "Bo@example.com", "çelik@example.com")
_SETTLE_DAYS = (None, None, 0, 1, 1, 2, 2, 3, 60)
_PLANS = {"free": 0, "basic": 1, "pro": 2, "business": 2, "enterprise": 5}
_UNLISTED_PLAN = "legacy"
_ATTRIBUTES = {
    "employees": "number",
    "contract_value": "number",
    "is_partner": "boolean",
    "has_sso": "boolean",
    "tier": "text",
    "area_code": "text",
}
_ATTRIBUTE_VALUES = {
    "employees": ("10", "20", "+40", "1e2", "20.0", "8", "many", "1,000", "nan"),
    "contract_value": ("12.5", "99.75", ".25", "100", "-50", "0x10", "1e999"),
    "is_partner": ("true", "false", "TRUE", "False", "yes", "1"),
    "has_sso": ("true", "False", "tRuE", "on"),
    "tier": ("gold", "silver", "Gold", "gold|silver", "bronze"),
    "area_code": ("007", "7", "1", "01", "DE"),
    "industry": _INDUSTRIES,
    "lifecycle_stage": _STAGES,
    "region": _REGIONS,
    "csm_email": _MANAGERS,
    "parent_account_id": ("007", "7", "group"),
    "Employees": ("70", "80"),
    "tag": ("vip",),
    "account_age_days": ("5",),
    "undeclared": ("anything", "5"),
}
_NAMES = (
    "Acme",
    "Müller, Söhne & Co",
    'The "Best" Company',
    "North\nWest",
    "株式会社テスト",
    "O'Brien",
    "NULL Industries",
    "Zoë 🚀 Labs",
    "None",
)

# Health configuration -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Measure:
    """A measure of docs/measures.md with thresholds that occur, from low to high.

    `window` is `r`, `o` or `-` as there; `grows` says that the value grows with its window, so the
    thresholds, meant for 30 days, do too; `better` is 1 where high is healthy, -1 where low is.
    """

    name: str
    pillar: str
    window: str
    dimensions: tuple[str, ...]
    better: int
    thresholds: tuple[float, ...]
    grows: bool = False


def _measure(
    note: str, better: int, *thresholds: float, by: str = "", grows: bool = False
) -> Measure:
    pillar, name, window = note.split()
    return Measure(name, pillar, window, tuple(by.split()), better, thresholds, grows)


_USAGE = "feature module product"
MEASURES: tuple[Measure, ...] = (
    _measure("product_adoption events o", 1, 4, 10, 20, 40, by=_USAGE, grows=True),
    _measure("product_adoption features_used o", 1, 1, 2, 3, 4, by=_USAGE, grows=True),
    _measure("product_adoption modules_used o", 1, 1, 2, 3, by=_USAGE),
    _measure("product_adoption active_users o", 1, 1, 2, 3, 4, by=_USAGE, grows=True),
    _measure("product_adoption active_days o", 1, 2, 5, 8, 12, by=_USAGE, grows=True),
    _measure("product_adoption inactive_users r", -1, 0, 1, 2, 3),
    _measure("product_adoption active_user_ratio r", 1, 0, 0.25, 0.333333, 0.5, 0.666667, 1),
    _measure("product_adoption license_utilization r", 1, 0, 0.1, 0.125, 0.25, 0.5),
    _measure("product_adoption days_since_last_event -", -1, 0, 1, 2, 6, 20, 60, by=_USAGE),
    _measure("product_adoption event_change_ratio r", 1, -1, -0.5, 0, 0.25, 1, by=_USAGE),
    _measure("financial mrr -", 1, 0, 100, 250, 500, 800.5),
    _measure("financial seats -", 1, 4, 8, 10, 20),
    _measure("financial plan_rank -", 1, 0, 1, 2, 5),
    _measure("financial plan_rank_change r", 1, -1, 0, 1),
    _measure("financial mrr_change_ratio r", 1, -0.5, 0, 0.25, 1),
    _measure("financial days_to_renewal -", 1, 0, 5, 14, 30, 90),
    _measure("financial open_invoices -", -1, 0, 1, 2),
    _measure("financial overdue_invoices -", -1, 0, 1, 2),
    _measure("financial overdue_amount -", -1, 0, 50, 100, 250.25),
    _measure("financial days_overdue -", -1, 0, 3, 14, 40),
    _measure("financial invoices_due r", -1, 0, 1),
    _measure("financial amount_paid o", 1, 0, 50, 150, 300, grows=True),
    _measure("financial late_payment_ratio r", -1, 0, 0.333333, 0.5, 0.666667, 1),
    _measure("service open_tickets o", -1, 0, 1, 2, by="priority"),
    _measure("service tickets_created o", -1, 0, 1, 3, by="priority", grows=True),
    _measure("service tickets_solved o", 1, 0, 1, 2, by="priority", grows=True),
    _measure("service open_ticket_age_days -", -1, 0, 5, 20, 60, by="priority"),
    _measure("service first_reply_hours r", -1, 1, 4, 8, 24, by="priority"),
    _measure("service resolution_hours r", -1, 8, 24, 48, 96, by="priority"),
    _measure("service reopens r", -1, 0, 1, 2, by="priority"),
    _measure("service csat_score r", 1, 2, 3, 3.5, 4, by="priority"),
    _measure("service good_csat r", 1, 0, 1, 2, by="priority"),
    _measure("service bad_csat r", -1, 0, 1, by="priority"),
    _measure("service tickets_per_active_user r", -1, 0, 0.333333, 0.5, 1),
    _measure("relationship touchpoints o", 1, 0, 1, 2, 3, by="channel", grows=True),
    _measure("relationship people_contacted o", 1, 0, 1, 2, by="channel"),
    _measure("relationship days_since_last_touchpoint -", -1, 0, 2, 10, 60, by="channel"),
    _measure("relationship nps r", 1, -100, 0, 33.333333, 50, 100),
    _measure("relationship nps_latest o", 1, 5, 7, 8, 9),
    _measure("external risk_tags -", -1, 0, 1, 2, by="tag"),
    _measure("external confidence_tags -", 1, 0, 1, 2, by="tag"),
    _measure("external risk_score o", -1, 20, 40.5, 50, 75),
    _measure("external pulse o", 1, 2, 3, 4),
)
_DIMENSION_VALUES: dict[str, tuple[str, ...]] = {
    "feature": _FEATURES,
    "module": _MODULES,
    "product": _PRODUCTS,
    "priority": TABLES["tickets"].column("priority").words,
    "channel": TABLES["touchpoints"].column("channel").words,
    "tag": _TAGS["risk"] + _TAGS["confidence"][:2],
}
# Measures that differ between accounts and have a value for nearly all of them, by their table.
_TELLING_MEASURES = {
    **dict.fromkeys(("events", "active_days", "active_users", "features_used"), "events"),
    "days_since_last_event": "events",
    **dict.fromkeys(("touchpoints", "days_since_last_touchpoint"), "touchpoints"),
    **dict.fromkeys(("tickets_created", "open_ticket_age_days"), "tickets"),
    **dict.fromkeys(("amount_paid", "open_invoices"), "invoices"),
}
_GROWTH = {1: 0.1, 3: 0.2, 7: 0.4, 14: 0.6, 30: 1.0, 90: 2.0, None: 2.5}
_SOURCES_OF_PILLAR = {
    "product_adoption": ("events", "users"),
    "financial": ("subscriptions", "invoices", "exchange_rates"),
    "service": ("tickets", "events"),
    "relationship": ("touchpoints", "survey_responses"),
    "external": ("account_tags", "risk_assessments"),
    "onboarding": ("accounts", "account_attributes"),
}
COLUMNS_OF_FILE = {
    "pillars": "pillar_id pillar_name display_order when_no_data",
    "segments": "segment_id segment_name priority is_default good_from poor_below settle_days"
    " description",
    "segment_rules": "segment_id clause signal_id operator value",
    "attributes": "attribute_id attribute_name value_type unit description",
    "metrics": "metric_id metric_name pillar_id measure window_days dimension dimension_values"
    " base_metric peer_attribute unit description",
    "health_rules": "segment_id pillar_id state clause signal_id operator threshold scaled_by",
    "score_rules": "segment_id pillar_id signal_id weight scoring healthy_operator"
    " healthy_threshold poor_operator poor_threshold scaled_by",
    "pillar_weights": "segment_id pillar_id weight cap_when_poor",
    "milestones": "segment_id milestone_id milestone_name position signal_id operator threshold"
    " scaled_by",
    "alert_rules": "alert_id pillar_id from_state to_state score_below score_drop_7d segment_id"
    " severity playbook",
    "plans": "plan_id plan_name plan_rank",
    "sources": "table_name max_age_hours max_rejected_ratio",
    "pillar_sources": "pillar_id table_name",
    "raw_values": "table_name column_name raw_value time_format value",
}


# Columns that a file of a user may lack, because they were added later.
LATER_COLUMNS = (
    ("score_rules", "scoring"),
    ("metrics", "metric_name"),
    ("metrics", "base_metric"),
    ("metrics", "peer_attribute"),
    ("attributes", "attribute_name"),
)


def _measure_called(name: str) -> Measure:
    return next(measure for measure in MEASURES if measure.name == name)


def _combinations() -> list[tuple[Measure, str | None, bool]]:
    """Every measure with every dimension it takes, with and without a window where it may."""
    combinations = [
        (measure, dimension, has_window)
        for measure in MEASURES
        for dimension in (None, *measure.dimensions)
        for has_window in {"r": (True,), "o": (True, False), "-": (False,)}[measure.window]
    ]
    random.Random(0).shuffle(combinations)
    return combinations


_COMBINATIONS = _combinations()
# Each seed takes its own stretch of the combinations, so that six seeds in a row have them all.
_COMBINATIONS_PER_SEED = 22


@dataclass
class _Declared:
    """The raw values and the formats of times that raw_values.csv declares, by column."""

    values: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    formats: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))


# Table, column, raw value, value. Some values are raw values of other rows: each is read once.
_DECLARED_VALUES = (
    ("tickets", "priority", "P1", "urgent"),
    ("tickets", "priority", "Sev, 2", "HIGH"),
    ("tickets", "priority", "urgent", "high"),
    ("tickets", "priority", "n/a", None),
    ("tickets", "csat_score", "Good", "5"),
    ("tickets", "csat_score", "5", "4.5"),
    ("tickets", "reopens", "twice", "2"),
    ("tickets", "solved_at", "gone", None),
    ("tickets", "solved_at", "Year End", "2025-12-31 18:00"),
    ("touchpoints", "channel", "Phone", "call"),
    ("touchpoints", "channel", "zoom", "meeting"),
    ("touchpoints", "direction", "in", "inbound"),
    ("survey_responses", "kind", "Ärger", "pulse"),
    ("survey_responses", "score", "promoter", "9"),
    ("account_tags", "kind", "warning", "risk"),
    ("account_tags", "tag", "vip", "VIP"),
    ("account_attributes", "value", "many", "1,000"),
    ("account_attributes", "attribute", "Employees", "employees"),
    ("accounts", "region", "no", None),
    ("accounts", "lifecycle_stage", "Live", "live"),
    ("events", "event_count", "10", "1"),
    ("events", "feature", "Login", "login"),
    ("events", "user_id", "nobody", None),
    ("events", "account_id", "007", "7"),
    ("subscriptions", "mrr", "free", "0"),
    ("subscriptions", "plan_id", "legacy", "basic"),
    ("invoices", "amount", "Gratis", ""),
    ("health_overrides", "state", "red", "poor"),
    ("risk_assessments", "risk_score", "none at all", "0"),
    ("users", "role", "ADMIN", "owner"),
    ("health_entries", "kind", "Score", "risk_score"),
    ("health_entries", "tag", "vip", "VIP"),
    ("health_entries", "risk_score", "certain", "100"),
    ("health_entries", "expires_at", "never", None),
)
# Those that programs agree on, and no text but a time of this format fits.
_TIME_FORMATS = (
    *("%d.%m.%Y", "%d.%m.%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y", "%b %d, %Y", "%d-%b-%Y"),
    *("%d/%b/%y %I:%M %p", "%Y-%d-%m", "%H:%M:%S %d.%m.%Y", "%d.%m.%Y %H:%M:%S %z"),
)


# Text signals that peers can share, besides attributes; the account's own id of a parent is of few.
_PEER_SIGNALS = ("lifecycle_stage", "industry", "region", "csm_email", "plan_id", "plan_id")


@dataclass(frozen=True)
class _Condition:
    operator: str
    threshold: str
    scaled_by: str | None = None


class _Configuration:
    """A random configuration that is not wrong (docs/configuration.md, "Wrong configuration")."""

    def __init__(
        self, rng: random.Random, world: World, unused: set[str], kinds: Collection[str]
    ) -> None:
        self._rng = rng
        self._world = world
        self._unused_tables = unused
        self._kinds = kinds
        self.declared = _Declared()
        extra = ["onboarding"] if rng.random() < 0.4 else []
        self.pillars = [*CORE_PILLARS, *extra]
        self.plans = rng.sample(sorted(_PLANS), rng.randint(3, len(_PLANS)))
        self.attributes = self._choose_attributes()
        self.files: dict[str, dict[tuple[Any, ...], Row]] = {n: {} for n in COLUMNS_OF_FILE}
        self._numbers: dict[str, Measure] = {}
        self._telling: list[str] = []
        self.stopped_feed = self._choose_stopped_feed()
        self._pillars_with_sources = rng.sample(self.pillars, rng.randint(1, 3))
        self._fill_vocabulary()
        self._fill_metrics()
        self._fill_segments()
        self._make_score_rules_linear()
        self._fill_sources()
        self._fill_alerts()
        self._fill_derived_metrics()
        if "declared values" in kinds:
            self._fill_declared_values()
        self._name_signals()

    @property
    def spans(self) -> list[int]:
        """Days before D at which the windows of the metrics begin, as often as they do."""
        metrics = self.files["metrics"].values()
        spans = [row["window_days"] for row in metrics if row["window_days"]]
        changes = [row for row in metrics if row["measure"] == "event_change_ratio"]
        spans += [2 * row["window_days"] for row in changes]
        # An earlier value has a window of its own.
        for row in metrics:
            if row["base_metric"] and row["window_days"]:
                base = self.files["metrics"][(row["base_metric"],)]
                spans.append(row["window_days"] + (base["window_days"] or 0))
        return spans

    def write(self) -> None:
        """Write the 14 files, rows in random order; a file that may be left out sometimes is."""
        for name, columns in COLUMNS_OF_FILE.items():
            rows = list(self.files[name].values())
            if name == "raw_values" and not rows and self._chance(0.5):
                continue
            self._rng.shuffle(rows)
            path = self._world.seeds_dir / f"{name}.csv"
            written = [column for column in columns.split() if self._is_written(name, column)]
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, written, lineterminator="\n", extrasaction="ignore")
                writer.writeheader()
                writer.writerows({k: _config_text(v) for k, v in row.items()} for row in rows)

    def _is_written(self, file: str, column: str) -> bool:
        """A column that came later is left out of every other file that says nothing in it."""
        if (file, column) not in LATER_COLUMNS or self._world.seed % 2:
            return True
        return any(row[column] is not None for row in self.files[file].values())

    def _add(self, file: str, *values: Any, key: int | None = None) -> None:
        """Add a row unless its key, the first `key` columns or all, is taken."""
        row = dict(zip(COLUMNS_OF_FILE[file].split(), values, strict=True))
        self.files[file].setdefault(values[:key], row)

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _choose_attributes(self) -> list[str]:
        """At least one attribute of each type."""
        names = sorted(_ATTRIBUTES)
        self._rng.shuffle(names)
        first = {_ATTRIBUTES[name]: name for name in names}
        return [n for n in names if n in first.values() or self._chance(0.5)]

    def _choose_stopped_feed(self) -> tuple[str, int] | None:
        """A table that ends a whole number of hours before one of the dates, if any.

        The table's `max_age_hours` is that number: on the date itself it is just not stale.
        """
        if not self._chance(0.3):
            return None
        name = self._rng.choice(("events", "touchpoints", "survey_responses", "risk_assessments"))
        return name, self._rng.choice((24, 48, 49, 72))

    def _fill_vocabulary(self) -> None:
        rng = self._rng
        for order, pillar in enumerate(rng.sample(self.pillars, len(self.pillars)), start=1):
            when_no_data = rng.choice(("average", "not_calculated"))
            self._add("pillars", pillar, pillar.capitalize(), order, when_no_data, key=1)
        for plan in self.plans:
            self._add("plans", plan, f"{plan} plan", _PLANS[plan], key=1)
        for name in self.attributes:
            self._add("attributes", name, None, _ATTRIBUTES[name], None, "Straße, Stadt", key=1)

    def _fill_metrics(self) -> None:
        """Metrics of this seed's stretch of the combinations and random ones besides."""
        rng = self._rng
        self._add_metric(_measure_called("seats"), None, False)
        for measure in rng.sample([m for m in MEASURES if self._is_telling(m)], 2):
            self._add_metric(measure, None, False)
        if "events" in self._unused_tables:  # missing then, which is easily forgotten
            self._add_metric(_measure_called("license_utilization"), None, True)
        offset = self._world.seed * _COMBINATIONS_PER_SEED
        has_products = "products" in self._kinds
        combinations = [c for c in _COMBINATIONS if c[1] != "product" or has_products]
        for step in range(_COMBINATIONS_PER_SEED):
            self._add_metric(*combinations[(offset + step) % len(combinations)])
        wanted = rng.randint(27, 45)
        while len(self.files["metrics"]) < wanted:
            self._add_metric(*rng.choice(combinations))

    def _add_metric(self, measure: Measure, dimension: str | None, has_window: bool) -> None:
        rng = self._rng
        window = rng.choice(WINDOWS) if has_window else None
        kept = None
        if dimension:
            values = rng.sample(_DIMENSION_VALUES[dimension], rng.randint(1, 3))
            kept = "|".join([*values, *(["nowhere"] if self._chance(0.1) else [])])
        parts = [measure.name, f"{window}d" if window else "", f"by_{dimension}" if kept else ""]
        metric_id = "_".join(part for part in parts if part)
        pillar = measure.pillar if self._chance(0.9) else rng.choice(self.pillars)
        unit = rng.choice((None, "count", "days"))
        kind = (pillar, measure.name, window, dimension, kept, None, None, unit)
        self._add("metrics", metric_id, None, *kind, "What, and why", key=1)
        self._numbers.setdefault(metric_id, self._with_growth(measure, window, kept))
        if self._is_telling(measure) and (window or 90) >= 14 and not kept:
            self._telling.append(metric_id)

    def _name_signals(self) -> None:
        """Names and units of signals as people write them, by chances of their own."""
        rng = random.Random(f"names {self._world.seed}")
        are_named = self._world.seed % 4 > 0
        units = (
            "ratio",
            "score 1 to 5",
            "currency per month",
            "status reports",
            "series",
            "people",
        )
        for file, kind in (("metrics", "metric"), ("attributes", "attribute")):
            for row in self.files[file].values():
                named = f"{row[f'{kind}_id']} (Ø; {kind})"
                name = rng.choice((None, None, named, "One name for several"))
                row[f"{kind}_name"] = name if are_named else None
                row["unit"] = rng.choice((row["unit"], row["unit"], "days", *units))

    def _fill_derived_metrics(self) -> None:
        """Metrics that compare other ones, and conditions on them; a file from before has none.

        They have a generator of their own, so that the rest of a world is as it was without them.
        """
        if self._world.seed % 5 == 4:
            return
        rng = random.Random(f"derived metrics of {self._world.seed}")
        bases = sorted(row["metric_id"] for row in self.files["metrics"].values())
        for measure, thresholds, has_peers in _DERIVED_MEASURES:
            base = rng.choice(self._telling if rng.random() < 0.5 else bases)
            window = None if has_peers else rng.choice(WINDOWS)
            shared = rng.choice((*_PEER_SIGNALS, self._attribute_of_type(rng)))
            peers = shared if has_peers and rng.random() < 0.6 else None
            parts = (base, measure, f"{window}d" if window else "", f"by_{peers}" if peers else "")
            metric_id = "_".join(part for part in parts if part)
            row = (rng.choice(self.pillars), measure, window, None, None, base, peers, None, None)
            self._add("metrics", metric_id, None, *row, key=1)
            self._fill_derived_conditions(rng, metric_id, thresholds)

    def _attribute_of_type(self, rng: random.Random) -> str:
        return rng.choice([a for a in self.attributes if _ATTRIBUTES[a] in ("text", "boolean")])

    def _fill_derived_conditions(
        self, rng: random.Random, signal: str, thresholds: Sequence[float]
    ) -> None:
        """A condition more in some clauses there are, or in one of its own, and of a segment."""
        rules = list(self.files["health_rules"].values())
        for row in rng.sample(rules, min(2, len(rules))):
            clause = rng.choice((row["clause"], "derived"))
            place = (row["segment_id"], row["pillar_id"], row["state"], clause, signal)
            threshold = _config_text(rng.choice(thresholds))
            self._add("health_rules", *place, rng.choice(("<=", ">=", "<", ">")), threshold, None)
        rules = list(self.files["segment_rules"].values())
        if rules and rng.random() < 0.5:
            row = rng.choice(rules)
            threshold = _config_text(rng.choice(thresholds))
            self._add("segment_rules", row["segment_id"], "derived", signal, ">", threshold)

    def _is_telling(self, measure: Measure) -> bool:
        table = _TELLING_MEASURES.get(measure.name)
        return table is not None and table not in self._unused_tables

    @staticmethod
    def _with_growth(measure: Measure, window: int | None, kept: str | None) -> Measure:
        """The measure with its thresholds scaled to the window and the dimension."""
        if not measure.grows:
            return measure
        share = _GROWTH[window] * (0.4 if kept else 1)
        thresholds = sorted({round(threshold * share) for threshold in measure.thresholds})
        return replace(measure, thresholds=tuple(thresholds))

    def _fill_segments(self) -> None:
        rng = self._rng
        count = rng.randint(3, 7)
        priorities = sorted(rng.sample(range(1, 20), count))
        ids = [f"segment_{letter}" for letter in rng.sample("abcdefghij", count - 1)]
        settle_days = random.Random(f"settle days of {self._world.seed}")
        for position, segment in enumerate([*ids, "everyone"]):
            is_default = segment == "everyone"
            bands = rng.choice(
                ((None, None), (None, None), (7.5, 5), (5, 2.5), (None, 5), (6.5, None), (10, 0))
            )
            self._add(
                "segments",
                segment,
                segment.title(),
                priorities[position],
                is_default if is_default or self._chance(0.9) else None,
                *bands,
                settle_days.choice(_SETTLE_DAYS),
                'Said to be "everyone", äh',
                key=1,
            )
            if not is_default and (position == 0 or self._chance(0.78)):
                self._fill_segment_rules(segment)
            # Every seventh world has accounts without a segment.
            has_health = self._world.seed % 7 != 3 if is_default else self._chance(0.7)
            if has_health or position == 0:
                self._fill_health(segment, position)

    def _fill_segment_rules(self, segment: str) -> None:
        rng = self._rng
        for clause in range(1, rng.choice((2, 3, 4))):
            for _ in range(rng.choice((1, 1, 2))):
                signal = self._segment_signal()
                condition = self._condition(signal, rng.choice((1, -1)), scalable=False)
                row = (segment, clause, signal, condition.operator, condition.threshold)
                self._add("segment_rules", *row)

    def _segment_signal(self) -> str:
        kind = self._rng.random()
        if kind < 0.4:
            return self._number_signal()
        if kind < 0.5:
            return "tag"
        if kind < 0.65:
            return self._attribute_of("boolean")
        return self._text_signal()

    def _attribute_of(self, value_type: str) -> str:
        return self._rng.choice([a for a in self.attributes if _ATTRIBUTES[a] == value_type])

    def _text_signal(self) -> str:
        columns = ("lifecycle_stage", "industry", "region", "csm_email", "parent_account_id")
        return self._rng.choice((*columns, *["plan_id"] * 3, self._attribute_of("text")))

    def _number_signal(self, pillar: str | None = None) -> str:
        """A metric, mostly of the pillar; sometimes the account's age or a number attribute."""
        rng = self._rng
        roll = rng.random()
        if roll < 0.05:
            return "account_age_days"
        if roll < 0.1:
            return self._attribute_of("number")
        of_pillar = [m for m, measure in self._numbers.items() if measure.pillar == pillar]
        ratios = [m for m, measure in self._numbers.items() if _thirds(measure.thresholds)]
        if roll > 0.9 and ratios:
            return rng.choice(ratios)
        return rng.choice(of_pillar if of_pillar and roll < 0.8 else list(self._numbers))

    def _signal(self, pillar: str) -> str:
        """A signal for a rule of the pillar: a number nine times of ten."""
        roll = self._rng.random()
        if roll < 0.05:
            return "tag"
        if roll < 0.08:
            return self._attribute_of("boolean")
        if roll < 0.11:
            return self._text_signal()
        return self._number_signal(pillar)

    def _condition(self, signal: str, lean: int, *, scalable: bool = True) -> _Condition:
        """A valid comparison on the signal; `lean` is 1 for a healthy one, -1 for a poor one."""
        rng = self._rng
        if signal == "tag":
            return self._words_condition(sorted({t for tags in _TAGS.values() for t in tags}))
        if signal == "plan_id":
            return self._words_condition([*self.plans, _UNLISTED_PLAN])
        if _ATTRIBUTES.get(signal) == "boolean":
            return _Condition(rng.choice(("=", "=", "!=")), rng.choice(("true", "False", "TRUE")))
        is_number = signal == "account_age_days" or _ATTRIBUTES.get(signal) == "number"
        if signal in _ATTRIBUTE_VALUES and not is_number:
            values = [v for v in _ATTRIBUTE_VALUES.get(signal, ()) if "|" not in v]
            return self._words_condition(values)
        return self._number_condition(signal, lean, scalable)

    def _words_condition(self, values: Sequence[str]) -> _Condition:
        operator = self._rng.choice(("=", "=", "!=", "in", "in", "not_in"))
        count = self._rng.randint(1, min(3, len(values))) if "in" in operator else 1
        return _Condition(operator, "|".join(self._rng.sample(list(values), count)))

    def _number_condition(self, signal: str, lean: int, scalable: bool) -> _Condition:
        rng = self._rng
        measure = self._numbers.get(signal)
        thresholds: Sequence[float] = (10, 20, 40, 100)
        if signal == "account_age_days":
            thresholds = (0, 1, 30, 90, 200)
        elif measure:
            thresholds = measure.thresholds
        direction = lean * (measure.better if measure else 1)
        thirds = _thirds(thresholds)
        if thirds and self._chance(0.5):
            operator = rng.choice((">=", "<=", "=", ">", "<"))
            return _Condition(operator, _config_text(rng.choice(thirds)))
        roll = rng.random()
        if roll < 0.1:
            return _Condition(rng.choice(("=", "!=")), _config_text(rng.choice(thresholds)))
        if roll < 0.22:
            count = rng.randint(1, min(3, len(thresholds)))
            chosen = "|".join(_config_text(t) for t in rng.sample(thresholds, count))
            return _Condition(rng.choice(("in", "not_in")), chosen)
        operator = rng.choice((">=", ">=", ">") if direction > 0 else ("<=", "<=", "<"))
        grows = measure is not None and measure.name in ("events", "active_users", "active_days")
        if scalable and (grows or signal == "seats") and self._chance(0.25):
            scale = rng.choice(("seats", "seats", self._attribute_of("number")))
            share = rng.choice((0.05, 0.1, 0.125, 0.25, 0.5))
            return _Condition(operator, _config_text(share), scale)
        half = len(thresholds) // 2 or 1
        likely = thresholds[:-half] if direction > 0 else thresholds[half:]
        if lean < 0:
            likely = thresholds[half:] if direction > 0 else thresholds[:-half]
        return _Condition(operator, _config_text(rng.choice(likely or thresholds)))

    def _fill_health(self, segment: str, position: int) -> None:
        """Health rules, score rules, weights and milestones of one segment."""
        rng = self._rng
        configured = rng.sample(self.pillars, rng.randint(2, 5))
        configured.sort(key=self._pillars_with_sources.__contains__)
        self._fill_telling_rules(segment, configured[0])
        for pillar in configured[1:]:
            roll = rng.random()
            if roll < 0.65:
                self._fill_health_rules(segment, pillar)
            if roll > 0.45:
                self._fill_score_rules(segment, pillar)
        # Every third world has a segment whose accounts have scores but none that is weighed.
        weighs_others = position == 1 and self._world.seed % 3 == 1
        if weighs_others or self._chance(0.65):
            self._fill_weights(segment, configured, weighs_others)
        if self._chance(0.6):
            self._fill_milestones(segment)

    def _fill_telling_rules(self, segment: str, pillar: str) -> None:
        """A good and a poor condition on numbers that tell the accounts apart, for all states."""
        for state, lean in (("good", 1), ("poor", -1)):
            signal = self._rng.choice(self._telling)
            measure = self._numbers[signal]
            direction = lean * measure.better
            likely = measure.thresholds[1:3] if direction > 0 else measure.thresholds[:2]
            if measure.better < 0:
                likely = measure.thresholds[-2:] if direction > 0 else measure.thresholds[1:3]
            operator = ">=" if direction > 0 else "<="
            threshold = _config_text(self._rng.choice(likely or measure.thresholds))
            self._add("health_rules", segment, pillar, state, 1, signal, operator, threshold, None)

    def _fill_health_rules(self, segment: str, pillar: str) -> None:
        rng = self._rng
        only = self._signal(pillar) if self._chance(0.25) else None
        for state in rng.choice((("good", "poor"), ("good", "poor"), ("good",), ("poor",))):
            lean = 1 if state == "good" else -1
            for clause in range(1, rng.choice((2, 2, 3, 4))):
                for _ in range(rng.choice((1, 1, 2, 3))):
                    signal = only or self._signal(pillar)
                    met = self._condition(signal, lean)
                    row = (segment, pillar, state, clause, signal, met.operator, met.threshold)
                    self._add("health_rules", *row, met.scaled_by)

    def _fill_score_rules(self, segment: str, pillar: str) -> None:
        rng = self._rng
        for _ in range(rng.randint(1, 4)):
            signal = self._signal(pillar)
            healthy = self._condition(signal, 1)
            # The poor condition shares the scale of the healthy one, so it needs the same kind.
            poor = self._condition(signal, -1, scalable=False)
            if healthy.scaled_by:
                poor = _Condition(rng.choice(("<", "<=")), "0.05")
            row: list[Any] = [segment, pillar, signal, rng.choice((0.25, 0.5, 1, 1, 2, 3)), None]
            missing = rng.choice((None, None, None, "healthy", "poor"))
            for side, condition in (("healthy", healthy), ("poor", poor)):
                kept = side != missing
                row += [condition.operator, condition.threshold] if kept else [None, None]
            self._add("score_rules", *row, healthy.scaled_by, key=3)

    def _make_score_rules_linear(self) -> None:
        """Turn some score rules on numbers into linear ones; in every third world none.

        Their draws are their own, so that the rest of a world does not depend on them.
        """
        rng = random.Random(f"{self._world.seed} linear")
        scales = ["seats", *(a for a in self.attributes if _ATTRIBUTES[a] == "number")]
        for row in self.files["score_rules"].values():
            row["scoring"] = rng.choice((None, "bands"))
            if self._world.seed % 3 == 0:
                row["scoring"] = None
                continue
            signal = row["signal_id"]
            measure = self._numbers.get(signal)
            is_number = measure or _ATTRIBUTES.get(signal) == "number"
            if not (is_number or signal == "account_age_days") or rng.random() < 0.5:
                continue
            thresholds = measure.thresholds if measure else (0, 10, 20, 40, 100)
            poor, healthy = rng.sample(sorted({0, 1, *thresholds}), 2)
            if measure and rng.random() < 0.7:
                poor, healthy = sorted((poor, healthy), reverse=measure.better < 0)
            row |= {"scoring": "linear", "healthy_operator": None, "poor_operator": None}
            row["scaled_by"] = None
            if rng.random() < 0.35:
                # Another metric may be 0, and then both ends are the same.
                row["scaled_by"] = rng.choice((*scales, rng.choice(sorted(self._numbers))))
                poor, healthy = rng.sample((-0.5, 0.05, 0.125, 0.5, 1), 2)
            row["poor_threshold"], row["healthy_threshold"] = poor, healthy

    def _fill_weights(self, segment: str, configured: Sequence[str], weighs_others: bool) -> None:
        """Weights of most configured pillars and some others, or of one other only."""
        rng = self._rng
        others = [pillar for pillar in self.pillars if pillar not in configured]
        if others and weighs_others:
            self._add("pillar_weights", segment, others[0], 1, None, key=2)
            return
        for pillar in self.pillars:
            is_first = pillar == configured[0]
            if not self._chance(0.97 if is_first else 0.15 if pillar in others else 0.8):
                continue
            weight = rng.choice((1, 2, 35) if is_first else (0.1, 0.2, 0.25, 0.4, 1, 2))
            cap = rng.choice((None, None, None, 0, 3.33, 3.34, 5, 6.65))
            self._add("pillar_weights", segment, pillar, weight, cap, key=2)

    def _fill_milestones(self, segment: str) -> None:
        for position in range(1, self._rng.randint(2, 4)):
            signal = self._signal("product_adoption")
            goal = self._condition(signal, 1)
            row = (segment, f"step_{position}", f"Step {position}", position, signal)
            self._add("milestones", *row, goal.operator, goal.threshold, goal.scaled_by, key=2)

    def _fill_sources(self) -> None:
        rng = self._rng
        for name in TABLES:
            if name == "exchange_rates" and "currencies" not in self._kinds:
                continue
            if self._chance(0.45):
                age = rng.choice((None, None, 24, 168, 720, 720, 36.5))
                ratio = rng.choice((None, None, 0, 0.1, 0.25, 0.5, 1))
                self._add("sources", name, age, ratio, key=1)
        if self.stopped_feed:
            name, hours = self.stopped_feed
            self.files["sources"].pop((name,), None)
            self._add("sources", name, hours, None, key=1)
        for pillar in self._pillars_with_sources:
            tables = [
                name
                for name in _SOURCES_OF_PILLAR[pillar]
                if name != "exchange_rates" or "currencies" in self._kinds
            ]
            for name in rng.sample(tables, rng.choice((1, 2, 2))):
                self._add("pillar_sources", pillar, name)
            if self._chance(0.15):
                self._add("pillar_sources", pillar, rng.choice(sorted(TABLES)[:9]))

    def _fill_declared_values(self) -> None:
        """Words of the company's own for values, and formats of its times."""
        rng = self._rng
        for table, column, raw_value, value in rng.sample(
            _DECLARED_VALUES, rng.randint(3, len(_DECLARED_VALUES))
        ):
            self._add("raw_values", table, column, raw_value, None, value, key=3)
            self.declared.values[table, column].append(raw_value)
        times = [(t.name, c.name) for t in TABLES.values() for c in t.columns if c.kind == "time"]
        if "currencies" not in self._kinds:
            times = [place for place in times if place[0] != "exchange_rates"]
        for place in rng.sample(times, rng.randint(2, 12)):
            for time_format in rng.sample(_TIME_FORMATS, rng.choice((1, 1, 2))):
                self._add("raw_values", *place, None, time_format, None)
                self.declared.formats[place].append(time_format)

    def _fill_alerts(self) -> None:
        rng = self._rng
        segments = [row["segment_id"] for row in self.files["segments"].values()]
        states = (None, "good", "average", "poor", "not_calculated")
        for number in range(rng.randint(0, 8)):
            # A change, a score, or both; most ask little, so that there is something to tell.
            asks_for_change, asks_for_score = rng.choice(((1, 0), (0, 1), (0, 1), (1, 1)))
            self._add(
                "alert_rules",
                f"alert_{number}",
                rng.choice((*self.pillars, "overall", "overall")),
                rng.choice(states) if asks_for_change else None,
                rng.choice(states[1:]) if asks_for_change else None,
                rng.choice((None, 3.34, 5, 7.5)) if asks_for_score else None,
                rng.choice((None, None, 0, 1, 2.5)) if asks_for_score else None,
                rng.choice((None, None, None, *segments)),
                rng.choice(("warning", "critical")),
                "Call them, soon",
                key=1,
            )


def _kinds_that_need(table: Table, column: str) -> list[str]:
    """The kinds of entries that need a column which others do not."""
    if table.name != "health_entries":
        return []
    return [kind for kind, columns in NEEDED_BY_ENTRY.items() if column in columns]


# Measures of metrics with thresholds that occur, and whether they compare with peers.
_DERIVED_MEASURES: tuple[tuple[str, tuple[float, ...], bool], ...] = (
    ("metric_change", (-2, -1, 0, 1), False),
    ("metric_change_ratio", (-0.5, -0.333333, 0, 0.5), False),
    ("peer_deviation", (-1, -0.5, 0, 0.5, 1), True),
    ("peer_deviation", (-1, 0, 0.333333, 2), True),
)


def _thirds(thresholds: Sequence[float]) -> list[float]:
    """Thresholds such as 0.333333, which a value equals only after it is rounded."""
    return [threshold for threshold in thresholds if round(threshold, 5) != threshold]


def _config_text(value: Any) -> str:
    """A cell of a configuration file, as a person would write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


# Records ------------------------------------------------------------------------------------------


def _midnight(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY


_FAR_FUTURE = _midnight(date(9999, 1, 1))


@dataclass
class _Account:
    """An account while its records are made; `vigor` from 0 to 1 is how well it does."""

    account_id: str
    created_at: int
    vigor: float
    users: list[str] = field(default_factory=list)


class _Records:
    """The clean records of a world: right by the contract, often exactly on a boundary."""

    def __init__(self, rng: random.Random, world: World, configuration: _Configuration) -> None:
        self._rng = rng
        self._configuration = configuration
        self._seed = world.seed
        self._dates = [
            _midnight(world.start) + day * DAY for day in range((world.end - world.start).days + 1)
        ]
        self._end = self._dates[-1]
        self._spans = configuration.spans
        self._rows: dict[str, list[Row]] = {name: [] for name in TABLES}
        self._id_styles = {n: rng.choice(("prefix", "number", "padded")) for n in TABLES}
        self._accounts: list[_Account] = []

    def tables(self) -> dict[str, list[Row]]:
        """Rows of every table, columns complete."""
        self._add_accounts()
        self._make_families()
        for account in self._accounts:
            self._add_users(account)
        for account in self._accounts:
            self._add_events(account)
            self._add_subscriptions(account)
            self._add_invoices(account)
            self._add_tickets(account)
            self._add_contacts(account)
            self._add_opinions(account)
            self._add_properties(account)
            self._add_overrides(account)
            self._add_entries(account)
        self._add_rates()
        self._stop_feed()
        self._add_old_overrides()
        return self._rows

    def _add(self, table: str, **values: Any) -> None:
        self._rows[table].append({c.name: values.get(c.name) for c in TABLES[table].columns})

    def _new_id(self, table: str) -> str:
        # Scattered numbers, so that the order of texts is not the order of numbers or of time.
        number = (len(self._rows[table]) * 617 + 9) % 5003
        style = self._id_styles[table]
        return {"number": f"{number}", "padded": f"{number:05}"}.get(style, f"{table[0]}-{number}")

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _maybe(self, value: Any, share: float) -> Any:
        return value if self._rng.random() < share else None

    def _boundary(self) -> int:
        """A moment on, just before or just after the start or end of a window."""
        rng = self._rng
        days = rng.choice(self._spans) if self._spans and self._chance(0.65) else 0
        edge = rng.choice(self._dates) - days * DAY
        return edge + rng.choice((0, 0, 0, -MICROSECOND, -1, MICROSECOND, -MINUTE, 30 * MINUTE))

    def _moment(self, back: int = 120) -> int:
        """Some time in the `back` days before the last date; boundaries and the future too."""
        rng = self._rng
        roll = rng.random()
        if roll < 0.15:
            return self._boundary()
        if roll < 0.2:
            return self._end + rng.randrange(1, 15 * 24 * 60) * MINUTE
        moment = self._end - int(back * rng.random() ** 2.2 * 24 * 60) * MINUTE
        return moment + rng.choice((0, 0, 0, 12_500_000_000, 999_999_000, 59_000_000_001))

    def _later(self, start: int, *hours: float) -> int:
        """A moment some hours after `start`, sometimes the start itself or a boundary after it."""
        roll = self._rng.random()
        if roll < 0.05:
            return start
        if roll < 0.15:
            return max(start, self._boundary())
        return start + int(self._rng.choice(hours) * HOUR)

    def _somebody(self, account: _Account, share: float = 0.85) -> str | None:
        """Mostly a user of the account; else a user nobody knows, another account's, or none."""
        rng = self._rng
        if account.users and self._chance(share):
            return rng.choice(account.users)
        strangers = [u for other in self._accounts[:5] for u in other.users]
        return rng.choice((None, None, "nobody", f"new-{account.account_id}", *strangers[:3]))

    def _add_accounts(self) -> None:
        rng = self._rng
        count = rng.randint(25, 50)
        ids = ["007", "7", "07", "ünï-1", "acc 12", "A-001", "a-001"]
        # Some are whole numbers, which programs like to store as doubles.
        ids += ["1234567890123456", *(str(number) for number in range(1000, 1008))]
        ids += [f"{rng.choice('ABC')}-{number}" for number in range(100, 100 + count - len(ids))]
        day = rng.choice(self._dates)
        edges = [
            day,
            day - MICROSECOND,
            day - 1,
            day + DAY - MICROSECOND,
            day + DAY,
            self._end - DAY,
            self._end - DAY - MICROSECOND,
            self._end + 10 * HOUR,
            self._end + DAY,
            self._end + 2 * DAY,
            self._end - 5 * DAY + 7 * HOUR,
            day - 30 * DAY,
        ]
        ages = rng.sample(edges, len(edges)) + [
            self._end - int(rng.triangular(3, 700, 100) * 24) * HOUR for _ in range(count)
        ]
        vigors = [0.0, 0.05, 0.1, *(rng.random() for _ in range(count))]
        for position, account_id in enumerate(rng.sample(ids, count)):
            roll = position % 3
            created_at = ages[position // 3] if roll == 0 else ages[len(edges) + position]
            vigor = vigors[position]
            self._accounts.append(_Account(account_id, created_at, vigor))
            churned_at = None
            if self._chance(0.15):
                churned_at = max(created_at, self._boundary())
            elif self._chance(0.1):
                churned_at = self._end + rng.choice((0, 5 * DAY, 12 * HOUR, -20 * DAY))
            self._add(
                "accounts",
                account_id=account_id,
                account_name=f"{rng.choice(_NAMES)} {position}",
                created_at=created_at,
                parent_account_id=self._maybe(rng.choice([*ids[:4], "group"]), 0.3),
                csm_email=self._maybe(rng.choice(_MANAGERS), 0.85),
                lifecycle_stage=self._maybe(rng.choice(_STAGES), 0.9),
                industry=self._maybe(rng.choice(_INDUSTRIES), 0.9),
                region=self._maybe(rng.choice(_REGIONS), 0.9),
                churned_at=None if churned_at is None else max(churned_at, created_at),
            )

    def _make_families(self) -> None:
        """Parents of parents, a circle, an account that names itself, by chances of their own and
        among accounts that have a parent, so that nothing else changes."""
        rng = random.Random(f"families {self._seed}")
        belonging = [row for row in self._rows["accounts"] if row["parent_account_id"]]
        rng.shuffle(belonging)
        ids = [row["account_id"] for row in belonging]
        shapes = {
            "circle": [(0, 1), (1, 2), (2, 0), (3, 1)],
            "chain": [(0, 1), (1, 2), (2, 3), (3, 4)],
            "two": [(0, 1), (1, 0), (2, 2), (3, 2)],
        }
        place = 0
        for name in rng.sample(sorted(shapes), 3):
            for child, parent in shapes[name]:
                if place + max(child, parent) < len(ids):
                    belonging[place + child]["parent_account_id"] = ids[place + parent]
            place += 4

    def _add_users(self, account: _Account) -> None:
        rng = self._rng
        for _ in range(round(account.vigor * rng.randint(2, 8))):
            user_id = self._new_id("users")
            account.users.append(user_id)
            created_at = rng.choice((self._moment(400), self._moment(400), account.created_at))
            self._add(
                "users",
                user_id=user_id,
                account_id=account.account_id,
                created_at=created_at,
                email=self._maybe(f"user{user_id}@example.com", 0.9),
                user_name=self._maybe(rng.choice(("Zoë, PhD", "Ann\nLee", "Bob")), 0.8),
                role=self._maybe(rng.choice(("admin", "viewer")), 0.7),
                deactivated_at=self._maybe(self._later(created_at, 24, 900, 3000, 9000), 0.25),
            )

    def _add_events(self, account: _Account) -> None:
        rng = self._rng
        fade = rng.choice((0, 0, 0, 5, 20, 45)) * DAY  # some accounts fell silent
        for _ in range(round(account.vigor**1.5 * rng.randint(5, 90))):
            occurred_at = self._moment() - fade
            self._add(
                "events",
                event_id=self._new_id("events"),
                account_id=account.account_id,
                feature=rng.choice(_FEATURES[: rng.randint(1, len(_FEATURES))]),
                occurred_at=occurred_at,
                user_id=self._somebody(account),
                module=self._maybe(rng.choice(_MODULES[: rng.randint(1, 4)]), 0.85),
                product=self._maybe(rng.choice(_PRODUCTS[: rng.randint(1, 4)]), 0.8),
                event_count=self._maybe(rng.choice((1, 1, 2, 3, 0, 10)), 0.6),
                loaded_at=self._maybe(occurred_at + rng.randrange(90) * HOUR, 0.75),
            )

    def _add_subscriptions(self, account: _Account) -> None:
        """Up to two subscriptions, each with its plan changes as rows of their own."""
        rng = self._rng
        plans = [*self._configuration.plans, *self._configuration.plans, _UNLISTED_PLAN]
        fees = (0, 50, 99.75, 100, 250, 400.5, 500)
        if self._chance(0.25):  # subscriptions that only their ids tell apart
            plans, fees = ["pro", "business"], (250,)
        for _ in range(rng.choice((0, 1, 1, 2, 2) if account.vigor > 0.1 else (0, 0, 1))):
            subscription_id = self._new_id("subscriptions")
            started_at = rng.choice((account.created_at, self._moment(400), self._boundary()))
            for _ in range(rng.choice((1, 1, 2, 3))):
                renews_at = rng.choice(
                    (self._boundary(), self._end + rng.randrange(-20, 200) * DAY)
                )
                ended_at = rng.choice((self._later(started_at, 24, 2400), _FAR_FUTURE))
                self._add(
                    "subscriptions",
                    subscription_id=subscription_id,
                    account_id=account.account_id,
                    plan_id=rng.choice(plans),
                    mrr=rng.choice(fees),
                    started_at=started_at,
                    seats=self._maybe(rng.choice((0, 4, 8, 10, 16, 20)), 0.85),
                    ended_at=self._maybe(ended_at, 0.3),
                    renews_at=self._maybe(renews_at, 0.7),
                    currency=self._currency(),
                )
                started_at = self._later(started_at + MICROSECOND, 24, 720, 2000)

    def _add_invoices(self, account: _Account) -> None:
        rng = self._rng
        for _ in range(rng.randint(0, 5)):
            issued_at = self._moment()
            due_at = rng.choice(
                (issued_at + 14 * DAY, issued_at // DAY * DAY + 30 * DAY, self._boundary())
            )
            paid_at = rng.choice(
                (self._later(issued_at, 2, 200, 700), due_at // DAY * DAY + DAY - 1, due_at + DAY)
            )
            self._add(
                "invoices",
                invoice_id=self._new_id("invoices"),
                account_id=account.account_id,
                amount=rng.choice((100, 50, 150.25, 99.75, 300, 0, -50, 0.25)),
                issued_at=issued_at,
                due_at=self._maybe(due_at, 0.9),
                paid_at=self._maybe(paid_at, 0.4 + account.vigor / 2),
                voided_at=self._maybe(self._later(issued_at, 5, 500), 0.2),
                currency=self._currency(),
            )

    def _currency(self) -> str | None:
        """None mostly, or one of which there are rates; seldom one without."""
        return self._maybe(self._rng.choice((*_CURRENCIES[:4] * 3, _CURRENCIES[4])), 0.4)

    def _add_rates(self) -> None:
        """Rates now and then, of some currencies only later than what they are needed for."""
        rng = self._rng
        for currency in rng.sample(_CURRENCIES[:4], rng.randint(2, 4)):
            earliest = rng.choice((self._end - 500 * DAY, self._end - 60 * DAY, self._end + DAY))
            for number in range(rng.randint(1, 6)):
                rate_on = (
                    earliest + number * rng.choice((7, 30, 30)) * DAY + rng.choice((0, 5)) * HOUR
                )
                self._add(
                    "exchange_rates",
                    currency=rng.choice((currency, currency.upper(), currency.lower())),
                    rate_on=rate_on,
                    rate=rng.choice((0.5, 0.75, 1.25, 2, 4, 1.125)),
                )

    def _add_tickets(self, account: _Account) -> None:
        rng = self._rng
        for _ in range(rng.randint(0, 9)):
            created_at = self._moment()
            solved_at = self._maybe(self._later(created_at, 4, 8, 24, 48, 96, 500), 0.7)
            csat_at = solved_at or created_at + 5 * DAY
            rated = self._chance(0.5)
            self._add(
                "tickets",
                ticket_id=self._new_id("tickets"),
                account_id=account.account_id,
                created_at=created_at,
                user_id=self._somebody(account, 0.7),
                priority=self._maybe(rng.choice(_DIMENSION_VALUES["priority"]), 0.85),
                first_replied_at=self._maybe(self._later(created_at, 0.5, 1, 4, 8, 24), 0.75),
                solved_at=solved_at,
                reopens=self._maybe(rng.choice((0, 0, 1, 1, 2)), 0.6),
                csat_score=rng.choice((1, 2, 3, 3.5, 4, 4, 5, 5)) if rated else None,
                csat_at=self._maybe(self._later(csat_at, 1, 24, 100), 0.6 if rated else 0.05),
            )

    def _add_contacts(self, account: _Account) -> None:
        rng = self._rng
        for _ in range(round(account.vigor * rng.randint(0, 12))):
            self._add(
                "touchpoints",
                touchpoint_id=self._new_id("touchpoints"),
                account_id=account.account_id,
                channel=rng.choice(_DIMENSION_VALUES["channel"]),
                occurred_at=self._moment(),
                direction=self._maybe(rng.choice(("in", "out")), 0.6),
                csm_email=self._maybe(rng.choice(_MANAGERS), 0.6),
                user_id=self._somebody(account, 0.6),
                subject=self._maybe(rng.choice(("Hallo, Welt", "Q3\nreview", 'a "b"')), 0.7),
            )

    def _add_opinions(self, account: _Account) -> None:
        """Survey responses and risk assessments, some at the same moment as the one before."""
        rng = self._rng
        before = self._moment()
        for _ in range(rng.randint(0, 6)):
            before = before if self._chance(0.2) else self._moment()
            kind = rng.choice(("nps", "nps", "pulse"))
            low, high = (0, 10) if kind == "nps" else (1, 5)
            spread = round(low + (high - low) * (account.vigor * 0.5 + rng.random() * 0.5))
            score = rng.choice((spread, spread, spread, rng.randint(low, high), low, high))
            self._add(
                "survey_responses",
                response_id=self._new_id("survey_responses"),
                account_id=account.account_id,
                kind=kind,
                score=score,
                responded_at=before,
                user_id=self._somebody(account, 0.7),
            )
        for _ in range(rng.randint(0, 3)):
            before = before if self._chance(0.2) else self._moment()
            self._add(
                "risk_assessments",
                assessment_id=self._new_id("risk_assessments"),
                account_id=account.account_id,
                risk_score=rng.choice((0, 20, 40.5, 50, 75, 75.25, 100)),
                assessed_at=before,
                author=self._maybe(rng.choice(_MANAGERS), 0.8),
                note=self._maybe("Sagt, er geht\nbald", 0.3),
            )

    def _add_properties(self, account: _Account) -> None:
        """The account's tags and its log of attributes, with ties, blanks and other names."""
        rng = self._rng
        for _ in range(rng.randint(0, 5)):
            kind = rng.choice(sorted(_TAGS))
            added_at = self._moment()
            self._add(
                "account_tags",
                account_id=account.account_id,
                tag=rng.choice(_TAGS[kind]),
                kind=kind,
                added_at=added_at,
                removed_at=self._maybe(self._later(added_at, 24, 300, 1500), 0.35),
                author=self._maybe(rng.choice(_MANAGERS), 0.8),
                note=self._maybe("seit Q3, hoffentlich", 0.4),
            )
        declared = [a for a in self._configuration.attributes for _ in range(4)]
        names = [*declared, *(n for n in _ATTRIBUTE_VALUES if n not in _ATTRIBUTES)]
        for _ in range(rng.randint(2, 14)):
            name = rng.choice(names)
            recorded_at = rng.choice((self._moment(400), self._moment(400), self._boundary()))
            # A tie is decided by the greatest value: for numbers, two that text and number order
            # alike, because the contract does not say which of the two orders is meant.
            is_number = _ATTRIBUTES.get(name) == "number"
            choices = ("20", "40") if is_number else _ATTRIBUTE_VALUES[name]
            tied = self._chance(0.12)
            for _ in range(2 if tied else 1):
                value = rng.choice(choices if tied else _ATTRIBUTE_VALUES[name])
                self._add(
                    "account_attributes",
                    account_id=account.account_id,
                    attribute=name,
                    recorded_at=recorded_at,
                    value=self._maybe(value, 0.93),
                )

    def _add_overrides(self, account: _Account) -> None:
        """Overrides, overlapping, expired and at the same moment."""
        rng = self._rng
        subjects = ("overall", "overall", *self._configuration.pillars)
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 4))):
            before = self._rows["health_overrides"][-1:]
            created_at, subject = self._moment(40), rng.choice(subjects)
            if before and before[0]["account_id"] == account.account_id and self._chance(0.4):
                created_at, subject = before[0]["created_at"], before[0]["pillar_id"]
            expires_at = self._later(created_at, 24, 240, 1200)
            self._add(
                "health_overrides",
                override_id=self._new_id("health_overrides"),
                account_id=account.account_id,
                pillar_id=subject,
                state=rng.choice(("good", "average", "poor")),
                reason="Weil, äh, darum",
                author=rng.choice(_MANAGERS),
                created_at=created_at,
                expires_at=self._maybe(expires_at, 0.6),
            )

    def _add_entries(self, account: _Account) -> None:
        """Entries of all kinds, those that end something at, before and after its start."""
        rng = self._rng
        for _ in range(rng.choice((0, 0, 1, 2, 4, 6))):
            kind = rng.choice(tuple(NEEDED_BY_ENTRY))
            entered_at = self._moment(60)
            values: Row = {}
            if kind == "risk_score":
                values = {"risk_score": rng.choice((0, 20, 40.5, 50, 75, 100))}
            elif kind == "tag_on":
                tag_kind = rng.choice(sorted(_TAGS))
                values = {"tag": rng.choice(_TAGS[tag_kind]), "tag_kind": tag_kind}
            elif kind == "override":
                subjects = ("overall", "overall", *self._configuration.pillars)
                expires_at = entered_at + rng.choice((-24, 0, 24, 240, 1200)) * HOUR
                values = {
                    "pillar_id": rng.choice(subjects),
                    "state": rng.choice(("good", "average", "poor")),
                    "expires_at": self._maybe(expires_at, 0.5),
                }
            else:
                values, begun_at = self._ended(account, kind)
                if begun_at is not None and self._chance(0.8):
                    entered_at = begun_at + rng.choice((-MICROSECOND, 0, 24 * HOUR, 240 * HOUR))
            has_note = kind == "override" or self._chance(0.4)
            self._add(
                "health_entries",
                entry_id=self._new_id("health_entries"),
                account_id=account.account_id,
                kind=kind,
                entered_at=entered_at,
                author=rng.choice(_MANAGERS),
                note="Weil, äh, darum" if has_note else None,
                **values,
            )

    def _ended(self, account: _Account, kind: str) -> tuple[Row, int | None]:
        """What a tag or an override is ended by, and when that began if there is one."""
        rng = self._rng
        is_tag = kind == "tag_off"
        table, made_by = ("account_tags", "tag_on") if is_tag else ("health_overrides", "override")
        entered = [row for row in self._rows["health_entries"] if row["kind"] == made_by]
        found = [
            row
            for row in (*self._rows[table], *entered)
            if row["account_id"] == account.account_id or self._chance(0.02)
        ]
        if not found or self._chance(0.1):
            return ({"tag": "merger"} if is_tag else {"refers_to": "entry:nobody"}), None
        row = rng.choice(found)
        is_entered = "entry_id" in row
        begun_at = row["entered_at" if is_entered else TABLES[table].main_time]
        if not is_tag:
            refers_to = f"entry:{row['entry_id']}" if is_entered else row["override_id"]
            return {"refers_to": refers_to}, begun_at
        tag_kind = row["tag_kind" if is_entered else "kind"]
        tag_kind = rng.choice((None, tag_kind, tag_kind, *sorted(_TAGS)))
        return {"tag": row["tag"], "tag_kind": tag_kind}, begun_at

    def _add_old_overrides(self) -> None:
        """Overrides about 90 days before the last date, some of them before the account left."""
        # Draws of its own, so that what worlds had before stays as it was.
        rng = random.Random(f"{self._end} {len(self._accounts)}")
        accounts = sorted(self._rows["accounts"], key=lambda row: row["churned_at"] is None)
        for number, account in enumerate(accounts[:6]):
            days = rng.choice((89, 90, 90, 91, 120))
            left_at = account["churned_at"]
            is_near = left_at is not None and self._end - 60 * DAY <= left_at <= self._end
            around = left_at - rng.choice((-1, 0, 20, 89, 90)) * DAY if is_near else self._end
            created_at = min(around, self._end - days * DAY + rng.choice((0, HOUR, -HOUR)))
            self._add(
                "health_overrides",
                override_id=f"old {number}",
                account_id=account["account_id"],
                pillar_id="overall",
                state=rng.choice(("good", "average", "poor")),
                reason="Long ago",
                author=rng.choice(_MANAGERS),
                created_at=created_at,
                expires_at=created_at + rng.choice((1, 200)) * DAY,
            )

    def _stop_feed(self) -> None:
        """End the stopped feed exactly as many hours before a date as it may be old."""
        if self._configuration.stopped_feed is None:
            return
        name, hours = self._configuration.stopped_feed
        main_time = TABLES[name].main_time
        last = self._rng.choice(self._dates) - hours * HOUR
        kept = [row for row in self._rows[name] if row[main_time] <= last]
        if kept:
            kept[-1][main_time] = last
        self._rows[name] = kept


# Dirt ---------------------------------------------------------------------------------------------

_UNREADABLE_TIMES = (
    *("2026-13-01", "2026-02-30", "01-05-14 9:28", "2026-01-05 24:00", "2026-01-05 12:61"),
    *("2026-01-05T12", "2026-01-05 12:00:00.", "2026-01-05 12:00 PM", "yesterday", "epoch"),
    *("infinity", "2025-02-29 10:00", "24:00"),
)
_NEARLY_TIMES = (
    *("2026/01-05", "2026-1-5 9", "2026-01-05T1200", "20260105T1200", "2026-01-05 12:00:60"),
    *("2026-01-05 12:00 +24:00", "2026-01-05 12:00 +01:60", "2026-01-05 12:00 PST"),
    *("2026-01-05 12:00 +1:00", "2026-01-05 12:00 +0100 GMT", "2026-01-05 12:00 Z UTC"),
    *("-1767571200", "1767571200.5", "176757120", "17675712000", "2026-01-05Z", "202601"),
    *("2026-01-05 +01:00", "12026-01-05", "2026-001-05", "2026-01-05 12:0", "2026-01-05T 12:00"),
    *("2026-01-05 12:00,5", "2026-01-05 123:00", "20261301", "2026 01 05", "2026.01.05"),
)
_UNREADABLE_NUMBERS = (
    *("inf", "-Infinity", "1e999", "0x10", "1_000", "1 000", "$5", "5%"),
    *("--5", "1e", ".", "+", "1.5.2", "five", "true"),
)
_NEARLY_NUMBERS = (
    *("1,00", "0,000", "1000,000", ",000", "1,000.000,5", "1.5,000", "1,0000", "01,000"),
    *("1,,000", "1,000,00", "1.000,00", "1,000e", "+-1,000"),
)
_NULL_WORDS = ("null", "NULL", "None", "n/a", "N/A", "na", "NaN", r"\N", r"\n", "-", "nULL")
_NULL_TIMES = ("0000-00-00", "0000-00-00 00:00:00", "0000")
_IMPLAUSIBLE_TIMES = (
    _midnight(date(2000, 1, 1)) - MICROSECOND,
    _midnight(date(2000, 1, 1)) - 30 * MINUTE,
    0,
    _midnight(date(1899, 12, 31)),
    _midnight(date(1, 1, 1)),
)
_OUT_OF_RANGE = {
    "rate": (0, -1, -0.5),
    "nps": (-1, 11, 10.5),
    "pulse": (0, 6, 10, 0.5),
    "score": (-1, 11),
    "risk_score": (-0.25, 100.25, 250),
    "csat_score": (0, 6, 5.5, 0.5),
}


@dataclass(frozen=True)
class _Fault:
    """One way to spoil a row: `kind` names the rule, `column` where it is broken."""

    kind: str
    column: str


class _Spoiler:
    """Adds rows that break the rules, and breaks a few of the good ones."""

    def __init__(
        self, rng: random.Random, end: int, accounts: Iterable[Row], kinds: Collection[str]
    ) -> None:
        self._rng = rng
        self._kinds = kinds
        self.latest_creation = end + 2 * DAY
        self._account_ids = [row["account_id"] for row in accounts]
        self._doubtful_accounts: list[str] = []
        self._fresh_ids = 900_000

    def spoil(self, table: Table, types: dict[str, str], rows: list[Row]) -> list[Row]:
        """The rows with dirt among them; `types` says which columns can hold unreadable text."""
        if not rows:
            return rows
        spoiled = [dict(row) for row in rows]
        faults = self._faults(table, types)
        simple = [f for f in faults if f.kind not in ("duplicate", "ends_before_start")]
        for fault in faults:
            if self._rng.random() > 0.55:
                continue
            row = self._row_for(fault, table, spoiled)
            self._apply(fault, table, types, row)
            if self._rng.random() < 0.25:
                self._apply(self._rng.choice(simple), table, types, row)
        return spoiled

    def _faults(self, table: Table, types: dict[str, str]) -> list[_Fault]:
        """Every way in which a row of this table, stored like this, can break a rule."""
        faults = []
        for column in table.columns:
            if column.name not in types:
                continue
            if column.required or _kinds_that_need(table, column.name):
                faults.append(_Fault("missing", column.name))
            can_hold_dirt = types[column.name] in ("text", "double")
            if column.kind in ("time", "number") and can_hold_dirt:
                faults.append(_Fault("invalid", column.name))
                if "null words" in self._kinds and types[column.name] == "text":
                    faults.append(_Fault("null word", column.name))
            if column.kind == "word":
                faults.append(_Fault("unknown", column.name))
            if column.kind == "time":
                faults.append(_Fault("implausible", column.name))
            if column.low is not None or column.high is not None:
                faults.append(_Fault("out_of_range", column.name))
        faults += [_Fault("ends_before_start", end) for _, end in table.pairs if end in types]
        if table.key:
            faults += [_Fault("duplicate", table.key[0])] * 4
        if "currency" in types and table.name != "exchange_rates":
            faults.append(_Fault("unknown_currency", "currency"))
        if table.name not in ("accounts", "exchange_rates"):
            faults += [_Fault("unknown_account", "account_id")] * 2
        return faults

    def _row_for(self, fault: _Fault, table: Table, rows: list[Row]) -> Row:
        """The row to spoil: a good one for some optional values, else a copy with a new key."""
        kinds = _kinds_that_need(table, fault.column)
        needing = [row for row in rows if row.get("kind") in kinds]
        base = self._rng.choice(needing or rows)
        is_optional = fault.kind == "ends_before_start" or not table.column(fault.column).required
        if is_optional and self._rng.random() < 0.4:
            return base
        row = dict(base)
        rows.append(row)
        if table.key and fault.kind != "duplicate":
            self._fresh_ids += 1
            row[table.key[0]] = str(self._fresh_ids)
            if table.name == "accounts":
                self._doubtful_accounts.append(row["account_id"])
        if fault.kind == "duplicate":
            self._vary(table, row, rows)
        return row

    def _vary(self, table: Table, row: Row, rows: list[Row]) -> None:
        """Make a row with a taken key differ, so that each tie-break of `duplicate_key` decides."""
        rng = self._rng
        moment = row[table.main_time]
        change = rng.choice(("loaded_at", "main_time", "day", "column", "column", "nothing"))
        if change == "loaded_at" and table.name == "events":
            row["loaded_at"] = rng.choice((None, self.latest_creation, self.latest_creation + 1))
        elif change in ("main_time", "day") and isinstance(moment, int) and moment > 0:
            unit = DAY if change == "day" else HOUR
            row[table.main_time] = moment + rng.choice((-3, -1, 1)) * unit
        if change == "column" or rng.random() < 0.3:
            names = [c.name for c in table.columns if c.name not in (*table.key, table.main_time)]
            name = rng.choice(names)
            row[name] = rng.choice(rows)[name]

    def _unreadable(self, column: Column) -> tuple[str, ...]:
        is_time = column.kind == "time"
        nearly = _NEARLY_TIMES if is_time else _NEARLY_NUMBERS
        plainly = _UNREADABLE_TIMES if is_time else _UNREADABLE_NUMBERS
        return plainly + (nearly if "spellings" in self._kinds else ())

    def _apply(self, fault: _Fault, table: Table, types: dict[str, str], row: Row) -> None:
        rng = self._rng
        column = table.column(fault.column)
        if fault.kind == "missing":
            row[column.name] = None
        elif fault.kind == "invalid" and types[column.name] == "double":
            row[column.name] = rng.choice((float("nan"), float("inf"), float("-inf")))
        elif fault.kind == "invalid":
            row[column.name] = rng.choice(self._unreadable(column))
        elif fault.kind == "null word":
            words = _NULL_WORDS + (_NULL_TIMES if column.kind == "time" else ())
            row[column.name] = rng.choice(words)
        elif fault.kind == "unknown_currency":
            row[column.name] = rng.choice(("QQQ", "EU", "eur€"))
        elif fault.kind == "unknown":
            row[column.name] = rng.choice(("unheard of", "goood", "0", column.words[0][:-1]))
        elif fault.kind == "implausible":
            is_edge = rng.random() < 0.15
            row[column.name] = (
                _midnight(date(2000, 1, 1)) if is_edge else rng.choice(_IMPLAUSIBLE_TIMES)
            )
        elif fault.kind == "out_of_range":
            name = row.get("kind") if column.name == "score" else column.name
            row[column.name] = rng.choice(_OUT_OF_RANGE.get(str(name), (-1, -10)))
        elif fault.kind == "unknown_account":
            near = (rng.choice(self._account_ids) + "0", rng.choice(self._account_ids).swapcase())
            row[column.name] = rng.choice(("ghost", *near, *self._doubtful_accounts * 2))
        elif fault.kind == "ends_before_start":
            start = next(start for start, end in table.pairs if end == column.name)
            if isinstance(row[start], int) and row[start] > 0:
                row[column.name] = row[start] - rng.choice((MICROSECOND, 5 * HOUR, 40 * DAY))


# Files --------------------------------------------------------------------------------------------

_OFFSETS = (0, 60, 120, 330, 345, 840, -60, -210, -300, -480, -720)
_PARTITIONS: dict[str, Callable[[date], str]] = {
    "events": lambda day: f"occurred_on={day}",
    "tickets": lambda day: f"created_month={day:%Y-%m}",
    "touchpoints": lambda day: f"year={day:%Y}/month={day:%m}",
}
_ARROW_TYPES = {
    "timestamp": pa.timestamp("us"),
    "timestamp_ms": pa.timestamp("ms"),
    "timestamp_ns": pa.timestamp("ns"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "timestamptz_local": pa.timestamp("us", tz="America/New_York"),
    "date": pa.date32(),
    "epoch_seconds": pa.int64(),
    "epoch_milliseconds": pa.int64(),
    "epoch_microseconds": pa.int64(),
    "epoch_double": pa.float64(),
    "integer": pa.int64(),
    "small_integer": pa.int32(),
    "double": pa.float64(),
    "decimal": pa.decimal128(12, 2),
    "text": pa.string(),
}
_NANOSECONDS_PER_UNIT = {
    "timestamp": 1_000,
    "timestamp_ms": 1_000_000,
    "timestamp_ns": 1,
    "timestamptz": 1_000,
    "timestamptz_local": 1_000,
    "date": DAY,
    "epoch_seconds": 10**9,
    "epoch_milliseconds": 10**6,
    "epoch_microseconds": 1_000,
    "epoch_double": 10**6,
}
# Whole numbers of ten digits, and of thirteen and sixteen for parts of a second.
_EPOCHS = (10**18, 9_999_999_999 * 10**9)
# Nanoseconds end in 2262, and the year 1 in New York begins before the calendar of Python does.
_TIME_RANGES = {
    "timestamp_ns": (_midnight(date(1700, 1, 1)), _midnight(date(2260, 1, 1))),
    "timestamptz_local": (_midnight(date(1700, 1, 1)), _FAR_FUTURE),
    **{name: _EPOCHS for name in _NANOSECONDS_PER_UNIT if name.startswith("epoch")},
}
_TIME_TYPES = (
    *("timestamp", "timestamp", "timestamp", "timestamptz", "timestamptz", "timestamptz_local"),
    *("timestamp_ms", "timestamp_ns", "date", "text", "text"),
)
_EPOCH_TYPES = tuple(name for name in _NANOSECONDS_PER_UNIT if name.startswith("epoch"))
_NUMBERS_OF_JSON = ("integer", "double", *_EPOCH_TYPES)
_EXTRA_COLUMNS = ("source_system", "_synced_at", "status", "Notes, internal", "loaded_at")
_LARGEST_WHOLE_DOUBLE = 2**53


# Ways to make a table unreadable, and the form of its files that lets them.
_FORMS_THAT_BREAK = {
    "half a file": "typed",
    "no utf-8": "csv",
    "no object": "objects",
    "open quote": "csv",
    "two quotes": "csv",
    "wide row": "csv",
    "twice": "parquet_text",
    "column lacks": "mixed",
    "format log": "mixed",
}
_WAYS_TO_BREAK = tuple(_FORMS_THAT_BREAK)


@dataclass
class _Part:
    """One file of a table: its records, how each column is stored, and what its folder says.

    `headings`: what stands in the file, with the column it is of, None for one that is ignored.
    `lines`: those of a text file, when it is written.
    """

    path: Path
    records: list[tuple[Row, Row]]
    types: dict[str, str]
    partition: dict[str, str | None] = field(default_factory=dict)
    headings: list[tuple[str, str | None]] = field(default_factory=list)
    dialect: Dialect = Dialect()
    lines: list[str] = field(default_factory=list)

    @property
    def ending(self) -> str:
        """The file's ending in lower case, without that of packing."""
        return self.path.name.lower().removesuffix(".gz").rpartition(".")[2]

    @property
    def is_packed(self) -> bool:
        return self.path.name.lower().endswith(".gz")


class _Store:
    """Writes raw tables: each in a random form, with dirt, copies and columns nobody asked for."""

    def __init__(
        self,
        rng: random.Random,
        world: World,
        tables: dict[str, list[Row]],
        declared: _Declared,
        kinds: Collection[str],
    ) -> None:
        self._rng = rng
        self._folder = world.raw_dir
        self._written = world.written
        self._tables = tables
        self._declared = declared
        self._kinds = kinds
        self._spoiler = _Spoiler(rng, _midnight(world.end), tables["accounts"], kinds)
        self._to_break: dict[str, str] = {}

    def break_for_sure(self, table_name: str, seed: int) -> None:
        """Have this table be unreadable; each way to be so has its turn in nine seeds."""
        self._to_break[table_name] = _WAYS_TO_BREAK[seed % len(_WAYS_TO_BREAK)]

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def write_nothing(self, table: Table) -> None:
        """Leave the table out: no file, or one of 0 bytes."""
        if self._chance(0.4):
            (self._folder / f"{table.name}{self._rng.choice(('.csv', '.parquet'))}").touch()

    def write_stray_files(self) -> None:
        """Files that belong to no table, and one of 0 bytes beside a table's own."""
        rng = self._rng
        header = b"touchpoint_id,account_id,channel,occurred_at\n1,7,call,2026-01-05\n"
        for name in rng.sample(("touchpoints (1).csv", "notes.txt", "Invoices.CSV", ".x.csv"), 2):
            write_bytes(self._folder / name, header)
        write_bytes(self._folder / "_backup" / "accounts.csv", header)
        for name in rng.sample(sorted(self._written), 2):
            path = self._folder / f"{name}.ndjson"
            if not path.exists():
                path.touch()

    def write(self, table: Table) -> None:
        """Write the table in the form that chance gives it."""
        rng = self._rng
        forms = ["csv"] * 9 + ["typed"] * 6 + ["parquet_text"] * 3
        if table.name in _PARTITIONS:
            forms += ["folder"] * 8
        if "formats" in self._kinds:
            forms += ["objects"] * 4
        if "mixed folders" in self._kinds:
            forms += ["mixed"] * 7
        form = rng.choice(forms)
        way = self._to_break.get(table.name)
        if way is not None:
            form = _FORMS_THAT_BREAK[way] if _FORMS_THAT_BREAK[way] in forms else form
        columns = [c for c in table.columns if self._is_written(c)]
        rows = self._tables[table.name]
        if table.name != "accounts" and self._chance(0.05):
            rows = []
        is_typed = form == "typed" or (form in ("folder", "objects") and self._chance(0.6))
        types = {c.name: self._type(c, rows) if is_typed else "text" for c in columns}
        if form == "objects":
            types = {n: t if t in _NUMBERS_OF_JSON else "text" for n, t in types.items()}
        rows = self._spoiler.spoil(table, types, rows)
        records = self._records(table, types, rows)
        self._add_other_columns(table, types, records)
        rng.shuffle(records)
        written = self._written[table.name] = Written()
        parts = self._parts(form, table, types, records)
        for part in parts:
            if form == "mixed" and part.ending not in TEXT_ENDINGS and self._chance(0.6):
                self._store_as_typed(table, part)
            self._write_part(table, part, written)
        may_break = table.name != "accounts" and "unreadable tables" in self._kinds
        if way is not None or (may_break and self._chance(0.05)):
            written.broken_by = self._break(table, parts, way)

    def _is_written(self, column: Column) -> bool:
        """Whether the files have the column."""
        if column.name in ("product", "currency"):
            kind = "products" if column.name == "product" else "currencies"
            if kind not in self._kinds:
                return False
        if column.required or "absent columns" not in self._kinds:
            return True
        return self._chance(0.92)

    def _type(self, column: Column, rows: Sequence[Row]) -> str:
        """How a column of a typed file is stored; whole numbers only where all are."""
        rng = self._rng
        values = [row[column.name] for row in rows if row[column.name] is not None]
        if column.kind in ("time", "number") and any(isinstance(value, str) for value in values):
            return "text"
        if column.kind == "time":
            return rng.choice(_TIME_TYPES + (_EPOCH_TYPES if "spellings" in self._kinds else ()))
        if column.kind == "number":
            are_whole = all(value == int(value) for value in values)
            whole = ("integer", "integer", "small_integer") if are_whole else ()
            return rng.choice(("double", "decimal", "text", *whole))
        is_key = column.name.endswith("_id") and column.required and column.name != "account_id"
        if is_key and values and all(map(_is_whole, values)) and self._chance(0.6):
            return rng.choice(("integer", "double" if "spellings" in self._kinds else "integer"))
        return "text"

    def _store_as_typed(self, table: Table, part: _Part) -> None:
        """Store the part's columns as types where its values allow it."""
        rng = self._rng
        rows = [row for row, _ in part.records]
        for name in [name for name in part.types if name in {c.name for c in table.columns}]:
            column = table.column(name)
            stored_as = self._type(column, rows)
            values = [row[name] for row in rows if row[name] is not None]
            is_id = column.kind == "text" and name.endswith("_id")
            if is_id and values and all(map(_is_whole, values)):
                stored_as = rng.choice(("double", "double", "integer", "text"))
            if part.ending != "parquet" and stored_as not in _NUMBERS_OF_JSON:
                stored_as = "text"
            if stored_as == "text":
                continue
            part.types[name] = stored_as
            part.records = [
                (row, cells | {name: _typed(stored_as, row[name])}) for row, cells in part.records
            ]

    def _add_other_columns(
        self, table: Table, types: dict[str, str], records: list[tuple[Row, Row]]
    ) -> None:
        """Columns that the contract does not name."""
        rng = self._rng
        known = {column.name for column in table.columns}
        extra = [n for n in rng.sample(_EXTRA_COLUMNS, rng.choice((0, 1, 2))) if n not in known]
        for _, cells in records:
            cells |= {n: rng.choice((None, "x", "2026-01-01", "a, b", "")) for n in extra}
        types |= dict.fromkeys(extra, "text")

    def _records(
        self, table: Table, types: dict[str, str], rows: Sequence[Row]
    ) -> list[tuple[Row, Row]]:
        """Each row with the cells it is written as, and exact copies of a few."""
        rng = self._rng
        records = [
            (row, {n: self._cell(table, table.column(n), types[n], row[n]) for n in types})
            for row in rows
        ]
        copied = rng.sample(records, min(len(records), 1 + len(records) // 40))
        if table.key:
            uses = Counter(row[table.key[0]] for row in rows)
            copied += [record for record in records if uses[record[0][table.key[0]]] == 2][:4]
        for row, cells in copied:
            copy = {n: self._padded(v) if types[n] == "text" else v for n, v in cells.items()}
            if "loaded_at" in types and not isinstance(row["loaded_at"], str):
                loaded_at = rng.choice((row["loaded_at"], None, self._spoiler.latest_creation))
                copy["loaded_at"] = self._cell(
                    table, table.column("loaded_at"), types["loaded_at"], loaded_at
                )
            records.append((row, copy))
        return records

    def _cell(self, table: Table, column: Column, stored_as: str, value: Any) -> Any:
        rng = self._rng
        if stored_as != "text":
            return _typed(stored_as, value)
        declared = self._declared.values.get((table.name, column.name))
        if declared and self._chance(0.15):
            value = rng.choice(declared)
            value = rng.choice((value, value.upper(), value.lower(), value))
            return self._padded(value)
        if value is None:
            is_read = column.kind in ("time", "number") and not column.required
            if is_read and "null words" in self._kinds and self._chance(0.1):
                return rng.choice(_NULL_WORDS)
            return rng.choice((None, None, None, "", "", "  "))
        if isinstance(value, str):
            if column.kind in ("word", "code") and self._chance(0.1):
                value = rng.choice((value.upper(), value.title()))
        elif column.kind == "time":
            formats = self._declared.formats.get((table.name, column.name), [])
            value = self._time_text(value, formats)
        else:
            value = _number_text(rng, value, "spellings" in self._kinds)
        return self._padded(value) if self._chance(0.05) else value

    def _time_text(self, moment: int, formats: Sequence[str]) -> str:
        rng = self._rng
        if formats and self._chance(0.4):
            text = _declared_time_text(moment, rng.choice(formats))
            if text is not None:
                return text
        if "spellings" in self._kinds and self._chance(0.3):
            return _free_time_text(rng, moment)
        return _time_text(rng, moment)

    def _padded(self, text: str | None) -> str | None:
        """The same text with blanks around it, which reading takes away again."""
        before, after = self._rng.choice((("", ""), (" ", ""), ("", "  "), (" ", " "), ("\t", "")))
        return before + text + after if text else self._rng.choice((None, "", " "))

    # Which files

    def _parts(
        self, form: str, table: Table, types: dict[str, str], records: list[tuple[Row, Row]]
    ) -> list[_Part]:
        """The files of the table, one or several in a folder."""
        path = self._folder / table.name
        if form in ("folder", "mixed"):
            parts = self._folder_parts(form, table, types, records)
            for part in parts:
                part.path = path / part.path
        else:
            endings = {"csv": TEXT_ENDINGS, "objects": OBJECT_ENDINGS}.get(form, ("parquet",))
            ending = self._ending(endings if "formats" in self._kinds else endings[:1])
            parts = [_Part(path.with_name(f"{table.name}.{ending}"), records, dict(types))]
        for part in parts:
            part.headings = self._headings(table, part)
        return parts

    def _ending(self, endings: Sequence[str]) -> str:
        ending = self._rng.choice(endings)
        if "formats" not in self._kinds:
            return ending
        if ending != "parquet" and self._chance(0.25):
            ending += ".gz"
        return ending.upper() if self._chance(0.1) else ending

    def _folder_parts(
        self, form: str, table: Table, types: dict[str, str], records: list[tuple[Row, Row]]
    ) -> list[_Part]:
        """Files by day or month of the main time or by a column, or just some files at different
        depths.

        Now and then a file lacks an optional column, as files written long ago do.
        """
        rng = self._rng
        grouped: dict[str, list[tuple[Row, Row]]] = defaultdict(list)
        partitions: dict[str, dict[str, str | None]] = defaultdict(dict)
        by = self._partition_column(table, types, records) if form == "mixed" else None
        has_partitions = table.name in _PARTITIONS and self._chance(0.7)
        for row, cells in records:
            place = rng.choice(("", "more/", "more/older/"))
            if by is not None:
                text = (cells[by] or "").strip() or None
                place = f"{_partition_key(by, text)}={_partition_value(text)}/"
                partitions[place] = {by: text}
            elif has_partitions:
                place = f"{self._partition(table, row[table.main_time])}/"
            elif form == "mixed" and _is_whole(row.get("account_id")):
                place = "numbers/"
            grouped[place].append((row, cells))
        optional = [
            c.name for c in table.columns if not c.required and c.name in types and c.name != by
        ]
        lacks_columns = bool(optional) and "absent columns" in self._kinds and self._chance(0.3)
        parts = []
        for number, (place, group) in enumerate(sorted(grouped.items()) or [("", [])]):
            ending = "parquet"
            if form == "mixed":
                ending = self._ending(("parquet", "parquet", *TEXT_ENDINGS, *OBJECT_ENDINGS))
            part = _Part(Path(f"{place}part-{number}.{ending}"), group, dict(types))
            part.partition = dict(partitions.get(place, {}))
            if by is not None and self._chance(0.2):
                # The file says so itself, and what the folder says does not count.
                part.path = Path(f"{by}=elsewhere") / part.path.name
                part.partition = {}
            elif by is not None:
                del part.types[by]
            if lacks_columns and self._chance(0.2):
                part.types.pop(rng.choice(optional), None)
            parts.append(part)
        return parts

    def _partition_column(
        self, table: Table, types: dict[str, str], records: list[tuple[Row, Row]]
    ) -> str | None:
        """A column of few texts, by which the table's folders are named; mostly none."""
        if not records or self._chance(0.4):
            return None
        few = [
            column.name
            for column in table.columns
            if column.kind in ("text", "word")
            and column.name in types
            and len({(cells[column.name] or "").strip() for _, cells in records}) <= 12
        ]
        return self._rng.choice(few) if few else None

    @staticmethod
    def _partition(table: Table, main_time: Any) -> str:
        """The folder of a day; rows whose time is missing or unreadable share one."""
        day = date(1999, 1, 1)
        if isinstance(main_time, int):
            day = date(1970, 1, 1) + timedelta(days=main_time // DAY)
        return _PARTITIONS[table.name](day)

    def _headings(self, table: Table, part: _Part) -> list[tuple[str, str | None]]:
        """The file's headings in random order; some in another case, some there twice."""
        rng = self._rng
        order = rng.sample(sorted(part.types), len(part.types))
        headings: list[tuple[str, str | None]] = [(name, name) for name in order]
        if "headings" not in self._kinds or self._chance(0.5):
            return headings
        known = {column.name for column in table.columns}
        headings = [
            (rng.choice((n, n, n.upper(), n.title())) if n in known else n, n) for n, _ in headings
        ]
        for name in rng.sample(sorted(known & set(order)), rng.choice((0, 1, 1, 2))):
            first = next(at for at, (_, source) in enumerate(headings) if source == name)
            again = rng.choice((name, name.upper(), name.capitalize()))
            headings.insert(rng.randint(first + 1, len(headings)), (again, None))
        return headings

    # What is in a file

    def _write_part(self, table: Table, part: _Part, written: Written) -> None:
        rng = self._rng
        known = {column.name for column in table.columns}
        sources = [source for _, source in part.headings if source in known]
        written.files.append(part.path)
        written.columns |= {*sources, *part.partition}
        for _, cells in part.records:
            texts = {name: _stored_text(part.types[name], cells[name]) for name in sources}
            texts |= part.partition
            trimmed = {name: (text or "").strip() for name, text in texts.items()}
            written.rows.append({name: text for name, text in trimmed.items() if text})
        if part.ending == "parquet":
            write_parquet(
                part.path,
                [heading for heading, _ in part.headings],
                [self._array(part, source) for _, source in part.headings],
            )
            return
        if part.ending in TEXT_ENDINGS:
            part.dialect = self._dialect()
            header = [heading for heading, _ in part.headings]
            part.lines = separated_lines(part.dialect, header, self._separated_rows(part))
        else:
            part.dialect = Dialect(encoding=rng.choice(("utf-8", "utf-8", "utf-8-sig")))
            part.lines = object_lines(self._objects(part))
        self._write_lines(part, part.lines)
        if not part.records and part.ending in OBJECT_ENDINGS:
            # A file without objects has no columns.
            written.columns -= set(sources)

    def _write_lines(self, part: _Part, lines: Sequence[str]) -> None:
        if part.ending in TEXT_ENDINGS:
            content = separated_bytes(part.dialect, lines)
        else:
            text = object_text(part.ending, lines)
            # A line without anything is no object.
            content = text.encode(part.dialect.encoding) or b"\n"
        write_bytes(part.path, packed(content) if part.is_packed else content)

    def _dialect(self) -> Dialect:
        rng = self._rng
        if "formats" in self._kinds and self._chance(0.7):
            return random_dialect(rng)
        return Dialect(
            encoding=rng.choice(("utf-8", "utf-8", "utf-8-sig")),
            line_end=rng.choice(("\n", "\n", "\r\n")),
            quoting=rng.choice(("minimal", "minimal", "all")),
        )

    def _separated_rows(self, part: _Part) -> list[list[str | None]]:
        return [
            [self._garbage() if source is None else cells[source] for _, source in part.headings]
            for _, cells in part.records
        ]

    def _objects(self, part: _Part) -> list[list[tuple[str, Any]]]:
        """The objects; a null may be left out, but not all through."""
        omits = self._chance(0.5)
        # What is there twice is never left out: the second would be the first.
        kept: set[str] = set()
        headings = Counter(heading.lower() for heading, _ in part.headings)
        objects = []
        for _, cells in part.records:
            pairs = []
            for heading, source in part.headings:
                value = self._garbage() if source is None else cells[source]
                is_once = headings[heading.lower()] == 1
                if value is None and omits and is_once and heading in kept:
                    continue
                kept.add(heading)
                pairs.append((heading, value))
            objects.append(pairs)
        return objects

    def _array(self, part: _Part, source: str | None) -> pa.Array:
        if source is None:
            return pa.array([self._garbage() for _ in part.records], pa.string())
        return _arrow_array(part.types[source], [cells[source] for _, cells in part.records])

    def _garbage(self) -> str:
        """What stands in a column that does not count."""
        return self._rng.choice(("x", "999", "2026-01-01", "another one"))

    # Tables that cannot be read

    def _break(self, table: Table, parts: Sequence[_Part], wanted: str | None) -> str:
        """Make the table unreadable, in the way that is wanted if it can be; says how."""
        rng = self._rng
        part = rng.choice(parts)
        ways = ["column lacks"]
        ways.append("format log" if part.path.parent != self._folder else "twice")
        if part.ending == "parquet" or part.is_packed:
            ways.append("half a file")
        if part.ending in OBJECT_ENDINGS:
            ways += ["no object", "no utf-8"]
        if part.ending in TEXT_ENDINGS:
            ways += ["open quote", "two quotes", "wide row", "no utf-8"]
        way = wanted if wanted in ways else rng.choice(ways)
        if way in ("open quote", "two quotes", "wide row"):
            self._write_lines(part, [*part.lines, *self._bad_lines(way, table, part)])
        elif way == "no object":
            self._write_lines(part, [*part.lines, rng.choice(("[1]", "null", '"text"'))])
        elif way == "half a file":
            content = part.path.read_bytes()
            write_bytes(part.path, content[: len(content) - rng.randint(9, len(content) // 2)])
        elif way == "no utf-8":
            # In Latin-1, an é.
            last = b"\xe9" if part.ending in TEXT_ENDINGS else b'{"x": "\xe9"}'
            content = "\n".join(part.lines).encode() + last
            write_bytes(part.path, packed(content) if part.is_packed else content)
        elif way == "format log":
            log = rng.choice(("_delta_log/00000000000000000000.json", "metadata/v1.metadata.json"))
            write_bytes(self._folder / table.name / log, b"{}\n")
        else:
            self._write_other_file(table, part, lacks_column=way == "column lacks")
        return way

    def _bad_lines(self, way: str, table: Table, part: _Part) -> list[str]:
        """Lines that leave in doubt where a row ends, behind the file's own."""
        rows = [plain_row(table.columns, number) for number in range(3)]
        lines = [[str(row.get(source, "")) for _, source in part.headings] for row in rows]
        texts = [
            at
            for at, (_, source) in enumerate(part.headings)
            if source in rows[0] and table.column(source).kind in ("text", "code")
        ]
        at = self._rng.choice(texts)
        if way == "wide row":
            lines[1] = [*(cell or "x" for cell in lines[1]), "surplus"]
        elif way == "open quote":
            lines[self._rng.randrange(3)][at] = '"never closed'
        else:
            lines[0][at] = f'"{lines[0][at]}'
            last = self._rng.choice((1, 2))
            lines[last][at] = f'{lines[last][at]}"'
        return [part.dialect.separator.join(line) for line in lines]

    def _write_other_file(self, table: Table, part: _Part, *, lacks_column: bool) -> None:
        """Another file of the table: for a folder one more part, else the table a second time.

        With a column lacking, the only file is replaced.
        """
        columns = [column for column in table.columns if column.required]
        if lacks_column:
            columns.remove(self._rng.choice(columns))
        row = plain_row(columns, 0)
        content = f"{','.join(row)}\n{','.join(row.values())}\n".encode()
        path = self._folder / table.name / "more" / "other.csv"
        if part.path.parent == self._folder:
            path = self._folder / f"{table.name}.csv"
            if not lacks_column and part.path == path:
                path = path.with_suffix(".tsv")
            if lacks_column:
                part.path.unlink()
        write_bytes(path, content)


def _is_whole(value: Any) -> bool:
    """Whether a text is a whole number that a double holds, written as one would write it."""
    is_number = isinstance(value, str) and value.isascii() and value.isdigit()
    return is_number and str(int(value)) == value and int(value) <= _LARGEST_WHOLE_DOUBLE


def _partition_key(name: str, text: str | None) -> str:
    """The key in one of its cases, always the same for the same text."""
    return (name, name.upper(), name.title())[len(text or "") % 3]


def _partition_value(text: str | None) -> str:
    return "__HIVE_DEFAULT_PARTITION__" if text is None else quote(text, safe=" ")


def _declared_time_text(moment: int, time_format: str) -> str | None:
    """The moment in a declared format, in which not every moment can be written."""
    if not _midnight(date(2000, 1, 1)) <= moment < _midnight(date(2060, 1, 1)):
        return None
    time = datetime(1970, 1, 1) + timedelta(microseconds=moment // 1_000)
    text = time.strftime(time_format.replace("%z", "+0000"))
    read = datetime.strptime(text, time_format.replace("%z", "+0000"))
    return text if read == time and moment % 1_000 == 0 else None


def _free_time_text(rng: random.Random, moment: int) -> str:
    """A moment in one of the spellings that few programs write and people do."""
    if _EPOCHS[0] <= moment <= _EPOCHS[1]:
        units = [unit for unit in (10**9, 10**6, 1_000) if moment % unit == 0]
        if units and rng.random() < 0.25:
            return str(moment // rng.choice(units))
    day, within = divmod(moment, DAY)
    date_of_day = date(1970, 1, 1) + timedelta(days=day)
    year, month, day_of_month = date_of_day.year, date_of_day.month, date_of_day.day
    day_text = rng.choice(
        (
            f"{year:04}/{month:02}/{day_of_month:02}",
            f"{year:04}-{month}-{day_of_month}",
            f"{year:04}/{month}/{day_of_month:02}",
            f"{year:04}{month:02}{day_of_month:02}",
            f"{year:04}-{month:02}-{day_of_month:02}",
        )
    )
    if within == 0 and rng.random() < 0.4:
        return day_text
    seconds, fraction = divmod(within, 10**9)
    hour = rng.choice((f"{seconds // 3600}", f"{seconds // 3600:02}"))
    clock = f"{hour}:{seconds // 60 % 60:02}"
    if seconds % 60 or fraction or rng.random() < 0.5:
        clock += f":{seconds % 60:02}"
        digits = f"{fraction:09}".rstrip("0")
        if digits or rng.random() < 0.3:
            clock += rng.choice(".,") + digits.ljust(rng.choice((1, 3, 7, 12)), "0")
    zone = rng.choice(("", "Z", "z", "UTC", "utc", "GMT", "gmt", "+00:00", "-0000", "+0000 UTC"))
    blanks = rng.choice(("", " ", "  ")) if zone else ""
    return f"{day_text}{rng.choice(('T', 't', ' ', '  '))}{clock}{blanks}{zone}"


def _time_text(rng: random.Random, moment: int) -> str:
    """A moment in one of the spellings that docs/raw_tables.md allows, with any offset."""
    is_recent = _midnight(date(1800, 1, 1)) < moment < _FAR_FUTURE
    offset = rng.choice(_OFFSETS) if is_recent and rng.random() < 0.3 else None
    day, within = divmod(moment + (offset or 0) * MINUTE, DAY)
    day_text = str(date(1970, 1, 1) + timedelta(days=day))
    if within == 0 and offset is None and rng.random() < 0.4:
        return day_text
    seconds, fraction = divmod(within, 10**9)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}"
    if seconds % 60 or fraction or rng.random() < 0.7:
        clock += f":{seconds % 60:02}"
        digits = f"{fraction:09}".rstrip("0")
        if digits or rng.random() < 0.2:
            clock += f".{digits.ljust(rng.choice((1, 3, 6, 9)), '0')}"
    zone = rng.choice(("", "", "Z", " UTC"))
    if offset is not None:
        sign = "-" if offset < 0 else rng.choice("+-") if offset == 0 else "+"
        hours, minutes = divmod(abs(offset), 60)
        spellings = [f"{hours:02}:{minutes:02}", f"{hours:02}{minutes:02}"]
        zone = sign + rng.choice([*spellings, *([f"{hours:02}"] if minutes == 0 else [])])
    return f"{day_text}{rng.choice('T ')}{clock}{zone}"


def _number_text(rng: random.Random, number: float, with_commas: bool) -> str:
    """A number in one of the spellings that docs/raw_tables.md allows."""
    plain = f"{number:.10g}"
    if with_commas and abs(number) >= 1000 and rng.random() < 0.6:
        return rng.choice((f"{number:,}", f"{number:,.3f}"))
    if rng.random() < 0.85:
        return plain
    spellings = [f"{plain}e0", f"{number * 10:.10g}e-1", f"{number:.3f}", f"{number / 100:.4f}E+2"]
    if number >= 0:
        spellings += [f"+{plain}", f"0{plain}"]
    if 0 < number < 1:
        spellings.append(plain.removeprefix("0"))
    return rng.choice(spellings)


def _typed(stored_as: str, value: Any) -> Any:
    """The value as a typed column takes it; what does not fit its range is moved in."""
    if value is None or stored_as == "text":
        return value
    if stored_as == "double":
        return float(value)
    if stored_as == "decimal":
        return Decimal(str(value)).quantize(Decimal("0.01"))
    if stored_as in ("integer", "small_integer"):
        return int(value)
    low, high = _TIME_RANGES.get(stored_as, (value, value))
    return min(max(value, low), high) // _NANOSECONDS_PER_UNIT[stored_as]


def _stored_text(stored_as: str, value: Any) -> str | None:
    """The text that a stored value stands for."""
    if value is None or isinstance(value, str):
        return value
    if stored_as == "double":
        is_whole = float(value).is_integer() and abs(value) <= _LARGEST_WHOLE_DOUBLE
        return str(int(value)) if is_whole else repr(value)
    if stored_as not in _NANOSECONDS_PER_UNIT or stored_as in _EPOCH_TYPES:
        return str(value)
    nanoseconds = value * _NANOSECONDS_PER_UNIT[stored_as]
    time = datetime(1970, 1, 1) + timedelta(microseconds=nanoseconds // 1_000)
    return str(time.date()) if stored_as == "date" else _timestamp_text(time)


def _timestamp_text(time: datetime) -> str:
    text = time.isoformat(sep=" ")
    return text.rstrip("0") if time.microsecond else text


def _arrow_array(stored_as: str, values: Sequence[Any]) -> pa.Array:
    arrow_type = _ARROW_TYPES[stored_as]
    if stored_as == "date":
        return pa.array(values, pa.int32()).cast(arrow_type)
    if stored_as in _NANOSECONDS_PER_UNIT:
        return pa.array(values, pa.int64()).cast(arrow_type)
    return pa.array(values, arrow_type)
