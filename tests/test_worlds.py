"""The random worlds are deterministic, valid where they must be, and as varied as the contract.

What the contract says is written down here once more, apart from the generator, so that a world
that breaks it is not mistaken for a fault of the pipeline.
"""

import csv
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from reference import calculate
from worlds import TABLES, Table, World, make_world

SEEDS = range(20)
CONFIG_FILES = {
    "pillars": 1,
    "segments": 1,
    "segment_rules": 5,
    "attributes": 1,
    "metrics": 1,
    "health_rules": 8,
    "score_rules": 3,
    "pillar_weights": 2,
    "milestones": 2,
    "alert_rules": 1,
    "plans": 1,
    "sources": 1,
    "pillar_sources": 2,
}  # how many of its first columns are the key of a file
USAGE = ("feature", "module")
# Measure: how it takes a window (r needs one, o takes one or none, - takes none), its dimensions.
MEASURES: dict[str, tuple[str, tuple[str, ...]]] = {
    **dict.fromkeys(("events", "features_used", "modules_used"), ("o", USAGE)),
    **dict.fromkeys(("active_users", "active_days"), ("o", USAGE)),
    **dict.fromkeys(("inactive_users", "active_user_ratio", "license_utilization"), ("r", ())),
    "days_since_last_event": ("-", USAGE),
    "event_change_ratio": ("r", USAGE),
    **dict.fromkeys(("mrr", "seats", "plan_rank", "days_to_renewal", "open_invoices"), ("-", ())),
    **dict.fromkeys(("plan_rank_change", "mrr_change_ratio"), ("r", ())),
    **dict.fromkeys(("overdue_invoices", "overdue_amount", "days_overdue"), ("-", ())),
    **dict.fromkeys(("invoices_due", "late_payment_ratio"), ("r", ())),
    "amount_paid": ("o", ()),
    **dict.fromkeys(("open_tickets", "tickets_created", "tickets_solved"), ("o", ("priority",))),
    "open_ticket_age_days": ("-", ("priority",)),
    **dict.fromkeys(("first_reply_hours", "resolution_hours", "reopens"), ("r", ("priority",))),
    **dict.fromkeys(("csat_score", "good_csat", "bad_csat"), ("r", ("priority",))),
    "tickets_per_active_user": ("r", ()),
    **dict.fromkeys(("touchpoints", "people_contacted"), ("o", ("channel",))),
    "days_since_last_touchpoint": ("-", ("channel",)),
    "nps": ("r", ()),
    "nps_latest": ("o", ()),
    **dict.fromkeys(("risk_tags", "confidence_tags"), ("-", ("tag",))),
    **dict.fromkeys(("risk_score", "pulse"), ("o", ())),
}
CORE_PILLARS = {"product_adoption", "financial", "service", "relationship", "external"}
OPERATORS = {
    "number": {"=", "!=", ">", ">=", "<", "<=", "in", "not_in"},
    "text": {"=", "!=", "in", "not_in"},
    "boolean": {"=", "!="},
}
STATES = {"good", "average", "poor", "not_calculated"}
TEXT_SIGNALS = (
    *("lifecycle_stage", "industry", "region", "csm_email", "parent_account_id"),
    *("plan_id", "tag"),
)
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([T ]([0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)(Z| UTC|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)

ConfigRow = dict[str, str]


@dataclass(frozen=True)
class Read:
    """A world with its files read back: cells of the configuration, texts of the raw tables."""

    world: World
    config: dict[str, list[ConfigRow]]
    raw: dict[str, list[dict[str, str | None]]]

    @property
    def signal_types(self) -> dict[str, str]:
        """The type of every signal."""
        return {
            **{row["metric_id"]: "number" for row in self.config["metrics"]},
            "account_age_days": "number",
            **{row["attribute_id"]: row["value_type"] for row in self.config["attributes"]},
            **dict.fromkeys(TEXT_SIGNALS, "text"),
        }


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[Read]:
    """The worlds of SEEDS, written once and read back."""
    made = [make_world(tmp_path_factory.mktemp("world"), seed) for seed in SEEDS]
    return [Read(world, _config(world), _raw(world)) for world in made]


def _config(world: World) -> dict[str, list[ConfigRow]]:
    config = {}
    for name in CONFIG_FILES:
        with (world.seeds_dir / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            config[name] = list(csv.DictReader(file))
    return config


def _raw(world: World) -> dict[str, list[dict[str, str | None]]]:
    """Every raw table that is there as trimmed texts, blank as null."""
    read = {name: _texts(world.raw_dir / name) for name in TABLES}
    return {
        name: [{column: (text or "").strip() or None for column, text in row} for row in rows]
        for name, rows in read.items()
        if rows is not None
    }


def _texts(path: Path) -> list[list[tuple[str, str | None]]] | None:
    """The rows of a raw table, each as its columns and their texts; None when it is absent."""
    file = path.with_suffix(".csv")
    if file.exists() and file.stat().st_size:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            columns, *rows = csv.reader(lines)
        return [list(zip(columns, row, strict=True)) for row in rows]
    file = path.with_suffix(".parquet")
    if path.is_dir() or (file.exists() and file.stat().st_size):
        source = f"{path}/**/*.parquet" if path.is_dir() else str(file)
        connection = duckdb.connect()
        connection.execute("set timezone = 'UTC'")
        cursor = connection.execute(
            "select cast(columns(*) as varchar) from read_parquet(?, union_by_name = true)",
            [source],
        )
        columns = [column[0] for column in cursor.description]
        return [list(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return None


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# Determinism --------------------------------------------------------------------------------------


def test_same_seed_writes_the_same_bytes(tmp_path):
    for seed in (3, 4):
        first = make_world(tmp_path / f"first_{seed}", seed)
        second = make_world(tmp_path / f"second_{seed}", seed)
        assert (first.start, first.end) == (second.start, second.end)
        assert _digests(tmp_path / f"first_{seed}") == _digests(tmp_path / f"second_{seed}")
    assert _digests(tmp_path / "first_3") != _digests(tmp_path / "first_4")


def test_another_process_writes_the_same_bytes(tmp_path):
    """Sets and hashes have another order there."""
    program = (
        "import sys; from pathlib import Path; from worlds import make_world;"
        "make_world(Path(sys.argv[1]), 5)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", program, str(tmp_path / "other")]
    subprocess.run(command, check=True, cwd=Path(__file__).parent, env=environment)
    make_world(tmp_path / "this", 5)
    assert _digests(tmp_path / "this") == _digests(tmp_path / "other")


# Configuration ------------------------------------------------------------------------------------


def test_configurations_are_valid(worlds):
    offences = {read.world.seed: list(_offences(read)) for read in worlds}
    assert {seed: found for seed, found in offences.items() if found} == {}


def _offences(read: Read) -> Iterator[str]:
    """Everything that "Wrong configuration" in config.md forbids."""
    config = read.config
    yield from _repeated_keys(config)
    yield from _unknown_ids(config)
    yield from _wrong_segments(config)
    yield from _wrong_metrics(config)
    yield from _wrong_weights_and_signals(config)
    for where, condition in _conditions(config):
        for offence in _wrong_condition(read.signal_types, *condition):
            yield f"{where}: {offence}"


def _repeated_keys(config: dict[str, list[ConfigRow]]) -> Iterator[str]:
    for name, key_length in CONFIG_FILES.items():
        keys = Counter(tuple(row.values())[:key_length] for row in config[name])
        yield from (f"{name}: repeated key {key}" for key, count in keys.items() if count > 1)


def _unknown_ids(config: dict[str, list[ConfigRow]]) -> Iterator[str]:
    pillars = {row["pillar_id"] for row in config["pillars"]}
    segments = {row["segment_id"] for row in config["segments"]}
    if not pillars >= CORE_PILLARS:
        yield "pillars: a core pillar is missing"
    for name, rows in config.items():
        for row in rows:
            is_alert = name == "alert_rules"
            known_pillars = pillars | ({"overall"} if is_alert else set())
            known_segments = segments | ({""} if is_alert else set())
            if "pillar_id" in row and row["pillar_id"] not in known_pillars:
                yield f"{name}: unknown pillar {row}"
            if "segment_id" in row and row["segment_id"] not in known_segments:
                yield f"{name}: unknown segment {row}"
            if "table_name" in row and row["table_name"] not in TABLES:
                yield f"{name}: unknown table {row}"
    for row in config["pillars"]:
        if row["when_no_data"] not in ("average", "not_calculated"):
            yield f"pillars: {row}"
    for row in config["attributes"]:
        if row["value_type"] not in OPERATORS:
            yield f"attributes: {row}"
    for row in config["health_rules"]:
        if row["state"] not in ("good", "poor"):
            yield f"health_rules: {row}"
    for row in config["alert_rules"]:
        if not {row["from_state"], row["to_state"]} <= STATES | {""}:
            yield f"alert_rules: {row}"


def _wrong_segments(config: dict[str, list[ConfigRow]]) -> Iterator[str]:
    segments = config["segments"]
    priorities = [int(row["priority"]) for row in segments]
    if len(set(priorities)) != len(priorities):
        yield "segments: priorities repeat"
    defaults = [row for row in segments if row["is_default"] == "true"]
    if len(defaults) != 1:
        yield f"segments: {len(defaults)} default segments"
    for row in defaults:
        if int(row["priority"]) != max(priorities):
            yield "segments: the default is not last"
        if any(rule["segment_id"] == row["segment_id"] for rule in config["segment_rules"]):
            yield "segments: the default has rules"
    for row in segments:
        if float(row["good_from"] or 6.66) <= float(row["poor_below"] or 3.34):
            yield f"segments: bands of {row}"


def _wrong_metrics(config: dict[str, list[ConfigRow]]) -> Iterator[str]:
    for row in config["metrics"]:
        if row["measure"] not in MEASURES:
            yield f"metrics: unknown measure {row}"
            continue
        window, dimensions = MEASURES[row["measure"]]
        if (window == "r" and not row["window_days"]) or (window == "-" and row["window_days"]):
            yield f"metrics: window of {row}"
        if row["dimension"] not in ("", *dimensions):
            yield f"metrics: dimension of {row}"
        if bool(row["dimension"]) != bool(row["dimension_values"]):
            yield f"metrics: dimension without values, or values without dimension {row}"


def _wrong_weights_and_signals(config: dict[str, list[ConfigRow]]) -> Iterator[str]:
    for name in ("score_rules", "pillar_weights"):
        yield from (f"{name}: weight of {r}" for r in config[name] if float(r["weight"]) <= 0)
    for row in config["score_rules"]:
        if not row["healthy_operator"] and not row["poor_operator"]:
            yield f"score_rules: no condition in {row}"
    names = Counter(
        [
            *(row["metric_id"] for row in config["metrics"]),
            *(row["attribute_id"] for row in config["attributes"]),
            *("account_age_days", *TEXT_SIGNALS),
        ]
    )
    yield from (f"signal {name} stands for two" for name, count in names.items() if count > 1)


def _conditions(
    config: dict[str, list[ConfigRow]],
) -> Iterator[tuple[str, tuple[str, str, str, str]]]:
    """Every condition: its file, and signal, operator, threshold and scaled_by."""
    for row in config["segment_rules"]:
        yield "segment_rules", (row["signal_id"], row["operator"], row["value"], "")
    for name in ("health_rules", "milestones"):
        for row in config[name]:
            values = (row["signal_id"], row["operator"], row["threshold"], row["scaled_by"])
            yield name, values
    for row in config["score_rules"]:
        for side in ("healthy", "poor"):
            operator, threshold = row[f"{side}_operator"], row[f"{side}_threshold"]
            if operator or threshold:
                yield "score_rules", (row["signal_id"], operator, threshold, row["scaled_by"])


def _wrong_condition(
    types: dict[str, str], signal: str, operator: str, threshold: str, scaled_by: str
) -> Iterator[str]:
    if signal not in types:
        yield f"unknown signal {signal}"
        return
    if operator not in OPERATORS[types[signal]]:
        yield f"{signal} does not take {operator}"
    values = threshold.split("|") if operator in ("in", "not_in") else [threshold]
    if "" in values:
        yield f"{signal} {operator}: threshold missing"
    if types[signal] == "number" and not all(NUMBER.fullmatch(value) for value in values):
        yield f"{signal} {operator} {threshold}: no number"
    if types[signal] == "boolean" and threshold.lower() not in ("true", "false"):
        yield f"{signal} {operator} {threshold}: no boolean"
    if scaled_by and (operator in ("in", "not_in") or types.get(scaled_by) != "number"):
        yield f"{signal} {operator} scaled by {scaled_by}"


def test_a_handful_of_seeds_has_every_measure_in_every_way(worlds):
    wanted = {
        (measure, dimension, has_window)
        for measure, (window, dimensions) in MEASURES.items()
        for dimension in ("", *dimensions)
        for has_window in {"r": (True,), "o": (True, False), "-": (False,)}[window]
    }
    found = {
        (row["measure"], row["dimension"], bool(row["window_days"]))
        for read in worlds[:6]
        for row in read.config["metrics"]
    }
    assert found == wanted
    for read in worlds:
        assert 25 <= len(read.config["metrics"]) <= 45
    windows = {row["window_days"] for read in worlds[:6] for row in read.config["metrics"]}
    assert windows == {"", "1", "3", "7", "14", "30", "90"}


def test_every_operator_appears_with_every_type_of_signal(worlds):
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    scaled = Counter()
    for read in worlds:
        for name, (signal, operator, _, scaled_by) in _conditions(read.config):
            found[name].add((read.signal_types[signal], operator))
            scaled[name] += bool(scaled_by)
    every = {(kind, operator) for kind, operators in OPERATORS.items() for operator in operators}
    assert found["segment_rules"] == every
    assert found["health_rules"] == every
    assert found["score_rules"] >= {("number", operator) for operator in OPERATORS["number"]}
    assert min(scaled["health_rules"], scaled["score_rules"]) > 0


def test_segments_have_every_shape(worlds):
    """With and without rules, health, weights and bands of their own."""
    shapes = set()
    for read in worlds:
        config = read.config
        for segment in config["segments"]:
            has = {
                name: any(row["segment_id"] == segment["segment_id"] for row in config[name])
                for name in ("segment_rules", "health_rules", "score_rules", "pillar_weights")
            }
            has_health = has["health_rules"] or has["score_rules"]
            is_default = segment["is_default"] == "true"
            shapes |= {
                ("default" if is_default else "rules", has["segment_rules"], has_health),
                ("weights", has["pillar_weights"], has_health),
                ("bands", bool(segment["good_from"]), bool(segment["poor_below"])),
            }
    assert shapes == {
        *(("default", False, has_health) for has_health in (True, False)),
        *(("rules", has_rules, health) for has_rules in (True, False) for health in (True, False)),
        *(("weights", has_weights, True) for has_weights in (True, False)),
        ("weights", False, False),
        *(("bands", good, poor) for good in (True, False) for poor in (True, False)),
    }


# Raw tables ---------------------------------------------------------------------------------------


def test_files_have_every_form(worlds):
    forms: dict[str, set[str]] = defaultdict(set)
    for read in worlds:
        for name in TABLES:
            path = read.world.raw_dir / name
            files = [path.with_suffix(suffix) for suffix in (".csv", ".parquet")]
            for file in (file for file in files if file.exists()):
                is_empty = file.stat().st_size == 0
                forms[name].add("0 bytes" if is_empty else file.suffix)
            if path.is_dir():
                has_partitions = any("=" in part.name for part in path.iterdir())
                forms[name].add("partitions" if has_partitions else "folder")
            if name not in read.raw:
                forms[name].add("absent")
            elif not read.raw[name]:
                forms[name].add("no rows")
    assert forms["accounts"] == {".csv", ".parquet"}
    assert all(form >= {".csv", ".parquet"} for form in forms.values())
    for name in ("events", "tickets", "touchpoints"):
        assert "partitions" in forms[name]
    assert set().union(*forms.values()) == {
        *(".csv", ".parquet", "partitions", "folder", "0 bytes", "absent", "no rows")
    }
    for read in worlds:
        assert len(TABLES) - 3 <= len(read.raw) <= len(TABLES)


def test_every_reason_appears_in_every_table(worlds):
    wanted = {(table.name, reason) for table in TABLES.values() for reason in _reasons(table)}
    found: set[tuple[str, str]] = set()
    for read in worlds:
        accounts = {row["account_id"] for row in read.raw["accounts"]}
        for name, rows in read.raw.items():
            found |= {(name, reason) for reason in _found_reasons(read, TABLES[name], rows)}
            if any(row["account_id"] not in accounts | {None} for row in rows):
                found.add((name, "unknown_account"))
    assert sorted(wanted - found) == []


def _reasons(table: Table) -> Iterator[str]:
    """Every reason that raw.md knows for this table."""
    if table.name != "accounts":
        yield "unknown_account"
    if table.key:
        yield "duplicate_key"
    if table.pairs:
        yield "ends_before_start"
    for column in table.columns:
        if column.required:
            yield f"missing_{column.name}"
        if column.kind in ("time", "number"):
            yield f"invalid_{column.name}"
        if column.kind == "time":
            yield f"implausible_{column.name}"
        if column.kind == "word":
            yield f"unknown_{column.name}"
        if column.low is not None:
            yield f"out_of_range_{column.name}"


def _found_reasons(read: Read, table: Table, rows: list[dict[str, str | None]]) -> Iterator[str]:
    """Reasons that certainly hold: of rows with one fault, or with the same key and no fault."""
    keys: dict[tuple[object, ...], set[tuple[object, ...]]] = defaultdict(set)
    for row in rows:
        faults = [f for column in table.columns for f in _faults(read, table, column.name, row)]
        if len(faults) == 1:
            yield faults[0]
        if faults:
            continue
        times = {c.name: _time(row.get(c.name)) for c in table.columns if c.kind == "time"}
        for start, end in table.pairs:
            if times[end] is not None and times[end] < times[start]:
                yield "ends_before_start"
        key = tuple(times.get(name) or row[name] for name in table.key)
        if table.name == "events":
            key += (times["occurred_at"].date(),)
        content = tuple(row.get(c.name) for c in table.columns if c.name != "loaded_at")
        keys[key].add(content)
    if table.key and any(len(contents) > 1 for contents in keys.values()):
        yield "duplicate_key"


def _faults(read: Read, table: Table, name: str, row: dict[str, str | None]) -> Iterator[str]:
    column = table.column(name)
    text = row.get(name)
    if text is None:
        if column.required:
            yield f"missing_{name}"
    elif column.kind == "time":
        moment = _time(text)
        end = datetime.combine(read.world.end, datetime.min.time())
        is_account = (table.name, name) == ("accounts", "created_at")
        if moment is None:
            yield f"invalid_{name}"
        elif moment < datetime(2000, 1, 1) or (is_account and moment > end + timedelta(days=2)):
            yield f"implausible_{name}"
    elif column.kind == "number":
        low, high = column.low, column.high
        if (row.get("kind") or "").lower() == "pulse":
            low, high = 1, 5
        if not NUMBER.fullmatch(text) or text == "1e999":
            yield f"invalid_{name}"
        elif (low is not None and float(text) < low) or (high is not None and float(text) > high):
            yield f"out_of_range_{name}"
    elif column.kind == "word":
        words = column.words
        if name == "pillar_id":
            words += tuple(pillar["pillar_id"] for pillar in read.config["pillars"])
        if text.lower() not in words:
            yield f"unknown_{name}"


def _time(text: str | None) -> datetime | None:
    """The naive UTC time of a text that raw.md can read."""
    match = TIME.fullmatch(text or "")
    if match is None:
        return None
    day, clock, zone = match[1], match[3] or "00:00", match[6] or "Z"
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{zone.replace(' UTC', 'Z')}")
        return moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def test_times_are_spelled_in_every_way_and_lie_on_boundaries(worlds):
    spellings: Counter[str] = Counter()
    offsets_over_midnight = on_dates = just_before = in_the_future = 0
    for read in worlds:
        midnight = datetime.combine(read.world.end, datetime.min.time())
        for name, rows in read.raw.items():
            for text in (row[TABLES[name].main_time] for row in rows):
                moment = _time(text)
                if moment is None:
                    continue
                spellings[re.sub("[0-9]+", "9", str(text))] += 1
                offsets_over_midnight += str(text)[:10] != moment.date().isoformat()
                on_dates += moment == midnight
                just_before += moment == midnight - timedelta(microseconds=1)
                in_the_future += moment > midnight
    clocks = ("9:9", "9:9:9", "9:9:9.9")
    zones = ("", "Z", " UTC", "+9:9", "-9:9", "+9", "-9")
    wanted = {f"9-9-9{sep}{clock}{zone}" for sep in "T " for clock in clocks for zone in zones}
    assert sorted((wanted | {"9-9-9"}) - set(spellings)) == []
    assert min(offsets_over_midnight, on_dates, just_before, in_the_future) > 20


# Outcomes -----------------------------------------------------------------------------------------


def test_every_outcome_appears(worlds):
    """States, reasons, answers and the fitness of sources: none is left to chance alone."""
    found: dict[str, Counter[object]] = defaultdict(Counter)
    worlds_with_state: Counter[str] = Counter()
    for read in worlds:
        world = read.world
        tables = calculate(world.raw_dir, world.seeds_dir, world.start, world.end)
        for table, column in (
            ("account_health_history", "calculated_overall_state"),
            ("account_health_history", "reason"),
            ("pillar_health_history", "calculated_state"),
            ("pillar_health_history", "reason"),
            ("pillar_health_history", "good_matched"),
            ("pillar_health_history", "poor_matched"),
            ("pillar_health_history", "is_overridden"),
            ("segment_membership", "membership"),
            ("source_status", "status"),
            ("not_calculated_accounts", "needs_review"),
        ):
            found[f"{table}.{column}"].update(tables[table][column].map(str))
        explanations = tables["health_explanations"]
        found["answers"].update(zip(explanations["operator"], explanations["is_met"], strict=True))
        worlds_with_state.update(set(tables["account_health_history"]["overall_state"]))
    answers = {"True", "False", "None"}
    unfit = {"created_today", "no_segment", "pillar_not_configured", "source_unavailable"}
    assert {name: set(values) for name, values in found.items()} == {
        "account_health_history.calculated_overall_state": STATES,
        "account_health_history.reason": {
            *("created_today", "no_segment", "no_pillar_calculated", "None")
        },
        "pillar_health_history.calculated_state": STATES,
        "pillar_health_history.reason": unfit | {"no_data", "None"},
        "pillar_health_history.good_matched": answers,
        "pillar_health_history.poor_matched": answers,
        "pillar_health_history.is_overridden": {"True", "False"},
        "segment_membership.membership": {"member", "unknown"},
        "source_status.status": {"ok", "absent", "stale", "broken"},
        "not_calculated_accounts.needs_review": {"True", "False"},
        "answers": {(o, met) for o in OPERATORS["number"] for met in (True, False, None)},
    }
    assert min(worlds_with_state[state] for state in STATES) >= len(SEEDS) * 0.7
