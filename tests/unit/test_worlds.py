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
from datetime import datetime, timedelta
from pathlib import Path

import pandas
import pytest
from reference import calculate
from reference.published import CORE_PILLARS
from reference.raw_files import read_table
from reference.raw_tables import raw_tables
from reference.values import read_time
from worlds import KINDS, TABLES, Table, World, make_world

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
    "raw_values": 4,
}  # how many of its first columns are the key of a file
USAGE = ("feature", "module", "product")
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
    **dict.fromkeys(("metric_change", "metric_change_ratio"), ("r", ())),
    "peer_deviation": ("-", ()),
}
COMPARING = ("metric_change", "metric_change_ratio", "peer_deviation")  # another metric
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
ConfigRow = dict[str, str]


@dataclass(frozen=True)
class Read:
    """A world, its configuration read back, and the texts that its raw tables were written as."""

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


@pytest.fixture(scope="module")
def calculated(worlds: list[Read]) -> list[dict[str, pandas.DataFrame]]:
    """What the reference publishes of each world."""
    return [calculate(**read.world.inputs) for read in worlds]


def _config(world: World) -> dict[str, list[ConfigRow]]:
    config = {}
    for name in CONFIG_FILES:
        path = world.seeds_dir / f"{name}.csv"
        if name == "raw_values" and not path.exists():
            config[name] = []
            continue
        with path.open(encoding="utf-8", newline="") as file:
            config[name] = list(csv.DictReader(file))
    return config


def _raw(world: World) -> dict[str, list[dict[str, str | None]]]:
    """Every raw table that can be read, its rows with all columns of the contract."""
    return {
        name: [{c.name: row.get(c.name) for c in TABLES[name].columns} for row in written.rows]
        for name, written in world.written.items()
        if written.broken_by is None
    }


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
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": path}
    command = [sys.executable, "-c", program, str(tmp_path / "other")]
    subprocess.run(command, check=True, env=environment)
    make_world(tmp_path / "this", 5)
    assert _digests(tmp_path / "this") == _digests(tmp_path / "other")


# Configuration ------------------------------------------------------------------------------------


def test_configurations_are_valid(worlds):
    offences = {read.world.seed: list(_offences(read)) for read in worlds}
    assert {seed: found for seed, found in offences.items() if found} == {}


def _wrong_raw_values(config: dict[str, list[ConfigRow]]) -> Iterator[str]:
    for row in config["raw_values"]:
        table = TABLES.get(row["table_name"])
        columns = {} if table is None else {column.name: column for column in table.columns}
        if row["column_name"] not in columns:
            yield f"raw_values: unknown table or column {row}"
        elif bool(row["raw_value"]) == bool(row["time_format"]):
            yield f"raw_values: both or neither of raw_value and time_format {row}"
        elif row["time_format"] and (row["value"] or columns[row["column_name"]].kind != "time"):
            yield f"raw_values: a format for what is no time or has a value {row}"


def _offences(read: Read) -> Iterator[str]:
    """Everything that docs/configuration.md, "Wrong configuration", forbids."""
    config = read.config
    yield from _repeated_keys(config)
    yield from _unknown_ids(config)
    yield from _wrong_segments(config)
    yield from _wrong_metrics(config)
    yield from _wrong_weights_and_signals(config)
    yield from _wrong_raw_values(config)
    for where, condition in _conditions(config):
        for offence in _wrong_condition(read.signal_types, *condition):
            yield f"{where}: {offence}"


def _repeated_keys(config: dict[str, list[ConfigRow]]) -> Iterator[str]:
    for name, key_length in CONFIG_FILES.items():
        keys = Counter(
            tuple(cell.lower() if column == "raw_value" else cell for column, cell in row.items())[
                :key_length
            ]
            for row in config[name]
        )
        yield from (f"{name}: repeated key {key}" for key, count in keys.items() if count > 1)


def _unknown_ids(config: dict[str, list[ConfigRow]]) -> Iterator[str]:
    pillars = {row["pillar_id"] for row in config["pillars"]}
    segments = {row["segment_id"] for row in config["segments"]}
    if not pillars >= set(CORE_PILLARS):
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
    yield from _wrong_comparisons(config)


def _wrong_comparisons(config: dict[str, list[ConfigRow]]) -> Iterator[str]:
    counted = {r["metric_id"] for r in config["metrics"] if r["measure"] not in COMPARING}
    shared = {*TEXT_SIGNALS} - {"tag"}
    shared |= {row["attribute_id"] for row in config["attributes"] if row["value_type"] != "number"}
    for row in config["metrics"]:
        base, peers = row.get("base_metric", ""), row.get("peer_attribute", "")
        if base not in (counted if row["measure"] in COMPARING else {""}):
            yield f"metrics: base metric of {row}"
        if peers and (row["measure"] != "peer_deviation" or peers not in shared):
            yield f"metrics: peer attribute of {row}"


def _wrong_weights_and_signals(config: dict[str, list[ConfigRow]]) -> Iterator[str]:
    for name in ("score_rules", "pillar_weights"):
        yield from (f"{name}: weight of {r}" for r in config[name] if float(r["weight"]) <= 0)
    for row in config["score_rules"]:
        operators = (row["healthy_operator"], row["poor_operator"])
        thresholds = (row["healthy_threshold"], row["poor_threshold"])
        if row.get("scoring") == "linear":
            if any(operators) or not all(NUMBER.fullmatch(text) for text in thresholds):
                yield f"score_rules: no linear rule in {row}"
            elif round(float(thresholds[0]), 6) == round(float(thresholds[1]), 6):
                yield f"score_rules: equal thresholds in {row}"
        elif row.get("scoring") not in (None, "", "bands"):
            yield f"score_rules: scoring of {row}"
        elif not any(operators):
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
        if row.get("scoring") == "linear":
            continue  # thresholds without operators
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
        assert 27 <= len(read.config["metrics"]) <= 49
    windows = {row["window_days"] for read in worlds[:6] for row in read.config["metrics"]}
    assert windows == {"", "1", "3", "7", "14", "30", "90"}


def test_metrics_compare_others_in_every_way(worlds, calculated):
    """Files with and without the columns; values and missing ones, of all accounts and of some."""
    columns = Counter("base_metric" in read.config["metrics"][0] for read in worlds)
    assert set(columns) == {True, False}
    found: Counter[tuple[str, bool]] = Counter()
    missing: Counter[str] = Counter()
    for read, tables in zip(worlds, calculated, strict=True):
        values = tables["pillar_metrics_history"]
        in_scope = len(tables["account_health_history"])
        for row in read.config["metrics"]:
            if row["measure"] in COMPARING:
                known = int((values["metric_id"] == row["metric_id"]).sum())
                found[row["measure"], bool(row.get("peer_attribute"))] += known
                missing[row["measure"]] += in_scope - known
    ways = [("peer_deviation", True), *((measure, False) for measure in COMPARING)]
    assert min(found[way] for way in ways) > 100
    assert min(missing[measure] for measure in COMPARING) > 100


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


def test_score_rules_are_linear_in_every_way(worlds, calculated):
    """Up and down, scaled, also by what is negative or makes both ends the same.

    Some files lack the column that says so.
    """
    shapes = Counter()
    for read in worlds:
        rules = read.config["score_rules"]
        shapes["no column"] += bool(rules) and "scoring" not in rules[0]
        shapes["an empty column"] += bool(rules) and {r.get("scoring") for r in rules} == {""}
        for row in rules:
            shapes[row.get("scoring")] += 1
            if row.get("scoring") == "linear":
                assert read.signal_types[row["signal_id"]] == "number"
                is_up = float(row["healthy_threshold"]) > float(row["poor_threshold"])
                shapes["up" if is_up else "down", bool(row["scaled_by"])] += 1
    ways = [("up", False), ("up", True), ("down", False), ("down", True)]
    wanted = ["no column", "an empty column", "bands", "linear", *ways]
    assert all(shapes[shape] for shape in wanted), shapes
    for tables in calculated:
        told = tables["health_explanations"]
        for row in told[told["operator"] == "linear"].itertuples():
            shapes[row.rule_set, row.is_met] += 1
            threshold = row.resolved_threshold
            if row.is_met is None and None not in (row.observed, threshold):
                shapes["same ends"] += 1
            shapes["turned"] += threshold is not None and (
                (float(threshold) < 0) != (float(row.threshold) < 0) and float(threshold) != 0
            )
    answers = [
        (rule_set, is_met)
        for rule_set in ("healthy", "poor_band")
        for is_met in (True, False, None)
    ]
    assert all(shapes[shape] for shape in ("same ends", "turned", *answers)), shapes


def test_what_is_not_known_leads_to_every_kind_of_ends(calculated):
    """Of pillars and overall: none, apart and together, certain or not, at the score and off it."""
    tables_of_scores = {"pillar_health_history": "score", "account_health_history": "overall_score"}
    for table, score in tables_of_scores.items():
        found = Counter()
        for tables in calculated:
            for row in tables[table].itertuples():
                low, value, high = row.score_low, getattr(row, score), row.score_high
                found["none"] += low is None
                if low is None:
                    assert high is None and row.is_certain is None
                    continue
                found["certain"] += row.is_certain
                found["not certain"] += not row.is_certain
                found["without a score"] += value is None
                found["0 and 10"] += (low, high) == (0, 10)
                if value is not None:
                    assert low - 1e-9 <= value <= high + 1e-9, row
                    found["together"] += low == value == high
                    found["below"] += low < value
                    found["above"] += value < high
                    found["apart and certain"] += low < high and row.is_certain
        wanted = ["none", "certain", "not certain", "together", "below", "above"]
        if score == "score":  # an overall without a score mostly has no ends either
            wanted += ["without a score", "0 and 10"]
        assert all(found[kind] for kind in (*wanted, "apart and certain")), found


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


def test_segments_settle_at_once_soon_and_late(worlds):
    found = Counter(row["settle_days"] for read in worlds for row in read.config["segments"])
    assert set(found) == {"", "0", "1", "2", "3", "60"}


# Raw tables ---------------------------------------------------------------------------------------


def test_the_reference_reads_what_was_written(worlds):
    """Every value of every file, whatever its form; a broken table is unreadable for its reason."""
    tables = {table.name: table for table in raw_tables()}
    for read in worlds:
        for name, table in TABLES.items():
            where = (read.world.seed, name)
            found = read_table(read.world.raw_dir, tables[name])
            written = read.world.written.get(name)
            if written is None or written.broken_by is not None:
                assert found.rows is None, where
                assert (found.problem is None) is (written is None), where
                continue
            assert found.problem is None, where
            known = {column.name for column in table.columns}
            rows = [{n: text for n, text in row.items() if n in known} for row in found.rows]
            assert _sorted_rows(rows) == _sorted_rows(written.rows), where
            assert found.columns == written.columns, where


def _sorted_rows(rows: list[dict[str, str]]) -> list[list[tuple[str, str]]]:
    return sorted(sorted(row.items()) for row in rows)


def test_files_have_every_form(worlds):
    forms: dict[str, set[str]] = defaultdict(set)
    for read in worlds:
        raw_dir = read.world.raw_dir
        for name in TABLES:
            written = read.world.written.get(name)
            if written is None:
                has_file = any(raw_dir.glob(f"{name}.*"))
                forms[name].add("0 bytes" if has_file else "absent")
                continue
            if not written.rows:
                forms[name].add("no rows")
            for path in written.files:
                within = path.relative_to(raw_dir)
                is_packed = path.suffix.lower() == ".gz"
                forms[name].add("".join(path.suffixes[-2 if is_packed else -1 :]))
                keys = [part.partition("=")[0].lower() for part in within.parts if "=" in part]
                if keys:
                    forms[name].add("partitions")
                elif len(within.parts) > 1:
                    forms[name].add("folder")
                if set(keys) & written.columns:
                    forms[name].add("partition of a column")
    for form in forms.values():
        assert {".csv", ".tsv", ".parquet"} & {ending.lower() for ending in form}
    for name in ("events", "tickets", "touchpoints"):
        assert "partitions" in forms[name]
    endings = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")
    found = {form.lower() for form in set().union(*forms.values())}
    assert found == {
        *endings,
        *(f"{ending}.gz" for ending in endings),
        *(".parquet", "partitions", "partition of a column", "folder"),
        *("0 bytes", "absent", "no rows"),
    }
    assert any(form != form.lower() for form in set().union(*forms.values()))
    for read in worlds:
        assert len(TABLES) - 3 <= len(read.world.written) <= len(TABLES)


def test_tables_are_broken_in_every_way(worlds):
    ways = Counter(w.broken_by for read in worlds for w in read.world.written.values())
    del ways[None]
    assert set(ways) == {
        *("half a file", "no utf-8", "no object", "open quote", "two quotes", "wide row"),
        *("twice", "column lacks", "format log"),
    }


def test_a_kind_can_be_left_out(tmp_path):
    """Without any there are the files that worlds had before they had kinds."""
    for seed in range(3):
        world = make_world(tmp_path / str(seed), seed, kinds=())
        files = [path for written in world.written.values() for path in written.files]
        assert {path.suffix for path in files} <= {".csv", ".parquet"}
        assert "exchange_rates" not in world.written
        assert not any("product" in w.columns for w in world.written.values())
        assert _config(world)["raw_values"] == []
    assert len(KINDS) == len(set(KINDS))


def test_every_reason_appears_in_every_table(worlds, calculated):
    wanted = {(table.name, reason) for table in TABLES.values() for reason in _reasons(table)}
    found: set[tuple[str, str]] = set()
    for tables in calculated:
        rejected = tables["rejected_records"]
        found |= set(zip(rejected["table_name"], rejected["reason"], strict=True))
    assert sorted(wanted - found) == []


def _reasons(table: Table) -> Iterator[str]:
    """Every reason that docs/raw_tables.md knows for this table."""
    if table.name not in ("accounts", "exchange_rates"):
        yield "unknown_account"
    if table.name in ("subscriptions", "invoices"):
        yield "unknown_currency"
    if table.name == "health_entries":
        needed = ("tag", "tag_kind", "risk_score", "pillar_id", "state", "note", "refers_to")
        yield from (f"missing_{column}" for column in needed)
        yield "unknown_refers_to"
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


def test_times_are_spelled_in_every_way_and_lie_on_boundaries(worlds):
    spellings: Counter[str] = Counter()
    offsets_over_midnight = on_dates = just_before = in_the_future = 0
    for read in worlds:
        midnight = datetime.combine(read.world.end, datetime.min.time())
        for name, rows in read.raw.items():
            formats = [
                row["time_format"]
                for row in read.config["raw_values"]
                if (row["table_name"], row["column_name"]) == (name, TABLES[name].main_time)
                and row["time_format"]
            ]
            for text in (row[TABLES[name].main_time] for row in rows):
                moment = read_time(text or "", formats)
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
    wanted |= {f"9/9/9{sep}9:9{zone}" for sep in "Tt " for zone in ("", "z")}
    wanted |= {"9-9-9", "9/9/9", "9", "9-9-9  9:9", "9-9-9 9:9:9,9", "9-9-9 9:9+9 UTC"}
    wanted |= {"9.9.9", "9:9:9 9.9.9", "9.9.9 9:9:9 +9"}
    assert sorted(wanted - set(spellings)) == []
    # In any case, and GMT as well as UTC: each alone is too rare for a handful of worlds.
    in_words = {spelling.lower().replace("gmt", "utc") for spelling in spellings}
    assert {"9/9/9 9:9 utc", "9/9/9t9:9utc"} <= in_words
    assert min(offsets_over_midnight, on_dates, just_before, in_the_future) > 20


# Outcomes -----------------------------------------------------------------------------------------


def test_settled_states_are_of_every_kind(calculated):
    """Of each state while another is calculated, by override, and as alerts tell of them."""
    settled: dict[str, set[tuple[str, str]]] = {"overall": set(), "pillars": set()}
    by_override = told_late = 0
    for tables in calculated:
        changed = {
            (row.health_date, row.account_id, row.pillar_id)
            for row in tables["health_changes"].itertuples()
        }
        for name, table, column in (
            ("overall", "account_health_history", "calculated_overall_state"),
            ("pillars", "pillar_health_history", "calculated_state"),
        ):
            rows = tables[table]
            others = rows[rows["settled_state"] != rows[column]]
            by_override += int(others["is_overridden"].sum())
            kept = others[others["is_overridden"] == False]  # noqa: E712  an object column
            settled[name] |= set(zip(kept["settled_state"], kept[column], strict=True))
        told_late += sum(
            (row.health_date, row.account_id, row.pillar_id) not in changed
            and row.from_state not in (None, row.to_state)
            for row in tables["health_alerts"].itertuples()
        )
    every = {(one, other) for one in STATES for other in STATES - {one}}
    assert settled["pillars"] == every
    assert len(settled["overall"]) >= len(every) / 2
    assert min(by_override, told_late) > 0


def test_every_outcome_appears(calculated):
    """States, reasons, answers and the fitness of sources: none is left to chance alone."""
    found: dict[str, Counter[object]] = defaultdict(Counter)
    worlds_with_state: Counter[str] = Counter()
    for tables in calculated:
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
            ("raw_files", "is_read"),
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
        "source_status.status": {"ok", "unreadable", "absent", "stale", "broken"},
        "raw_files.is_read": {"True", "False"},
        "not_calculated_accounts.needs_review": {"True", "False"},
        "answers": {
            (operator, met)
            for operator in (*OPERATORS["number"], "linear")
            for met in (True, False, None)
        },
    }
    assert min(worlds_with_state[state] for state in STATES) >= len(SEEDS) * 0.7


def test_families_have_every_shape(worlds, calculated):
    shapes: Counter[str] = Counter()
    for read, tables in zip(worlds, calculated, strict=True):
        parents = {row["account_id"]: row["parent_account_id"] for row in read.raw["accounts"]}
        known = {row["account_id"]: row for row in read.raw["accounts"]}
        for account_id, parent_id in parents.items():
            chain = [account_id]
            while (parent_id := parents.get(chain[-1])) in known and parent_id not in chain:
                chain.append(parent_id)
            shapes[f"{min(len(chain) - 1, 4)} above"] += 1
            shapes["names itself"] += parents[account_id] == account_id
            shapes["in a circle"] += len(chain) > 1 and parents.get(chain[-1]) == account_id
            shapes["of nobody"] += parent_id is not None and parent_id not in known
            shapes["of one who left"] += any(known[id_]["churned_at"] for id_ in chain[1:])
        log = read.raw.get("account_attributes") or []
        logged = [row for row in log if row["attribute"] == "parent_account_id"]
        shapes["logged"] += any(row["value"] for row in logged)
        shapes["ended in the log"] += any(not row["value"] for row in logged)
        rollup = tables["account_rollup_history"]
        shapes["rolled up"] += len(rollup) > 0
        shapes["without MRR"] += sum(rollup["mrr"].isna())
        for column in ("mean_score", "mrr_weighted_score"):
            shapes[f"without {column}"] += sum(rollup[column].isna())
        shapes.update(rollup["worst_state"])
    missing = {name for name, count in shapes.items() if not count}
    assert not missing
    assert {f"{count} above" for count in range(5)} | STATES <= set(shapes)


# What a main reason begins with, ends with or has within it.
REASONS = (
    r"The account is new on this date",
    r"No segment applies",
    r"The segment has no rules for it",
    r"Nothing is known that its rules ask for",
    r"No pillar has a score",
    r"No pillar costs points",
    r"No rule costs points",
    r"It is not poor, and no rule says what is good",
    r"It is not known to be poor, and no rule says what is good",
    r"Sources that cannot be used: \w+ \((unreadable|absent|stale|broken)\)(, .*)?",
    r"Override to (good|average|poor): .*",
    r".* is poor, which caps the score at [\d.]+: .*",
    r".* is average with [\d.]+ of 10 points: .*",
    r".*: [\d.]+ days \(more than [\d.]+\).*",
    r".*: [\d.]+ status reports.*",
    r".*: 1 day\b.*",
    r".*: [\d.]+% \(at (least|most) [\d.]+%\).*",
    r".*: [\d.]+ \(good needs .*",
    r".*; .*",
    r".*: unknown \(good needs .*",
    r".* \(good needs [^)]*\); .*: [^(]* \((more|less|at) [^)]*\)",
    r".* times .*, which is unknown\)",
    r".*: none .*",
    r".* \(one of .*, .*\).*",
    r".* \(none of .*\).*",
    r".* \(other than .*\).*",
    r".* gives 0 of 10 points \(poor: .*\)",
    r".* gives 5 of 10 points \(healthy: .*\)",
    r".* gives 5 of 10 points",
    r".* gives [\d.]+ of 10 points \(healthy: [\d.]+%?, poor: -?[\d.]+%?\)",
)


def test_every_main_reason_appears(calculated):
    reasons = {
        reason
        for tables in calculated
        for table in ("account_health", "pillar_health")
        for reason in tables[table]["main_reason"]
    }
    missing = [words for words in REASONS if not any(re.fullmatch(words, r) for r in reasons)]
    assert not missing


def test_overrides_end_in_every_way(calculated):
    """Applied and not, with another state in the end; accounts that left, stayed, or may yet."""
    rows = pandas.concat([tables["override_outcomes"] for tables in calculated])
    assert set(rows["left_within_90_days"].map(str)) == {"True", "False", "None"}
    was_applied = rows["first_applied_on"].notna()
    assert was_applied.any() and not was_applied.all()
    applied = rows[was_applied]
    assert (applied["calculated_state_at_start"] != applied["calculated_state_at_end"]).any()
    assert (applied["calculated_state_at_start"] != applied["state"]).any()
