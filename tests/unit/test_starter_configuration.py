"""The starter configuration in seeds/: its shape, and what it shows a new user.

Whether a configuration is valid at all is for the pipeline's own check; this is about the shipped
rows alone.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from reference.published import CORE_PILLARS
from worlds import COLUMNS_OF_FILE

# The values of the data are no configuration of health, and none are needed to start.
COLUMNS = {name: columns for name, columns in COLUMNS_OF_FILE.items() if name != "raw_values"}
SEEDS = Path(__file__).parents[2] / "seeds"

KEYS = {
    "pillars": "pillar_id",
    "segments": "segment_id",
    "segment_rules": COLUMNS["segment_rules"],
    "attributes": "attribute_id",
    "metrics": "metric_id",
    "health_rules": COLUMNS["health_rules"],
    "score_rules": "segment_id pillar_id signal_id",
    "pillar_weights": "segment_id pillar_id",
    "milestones": "segment_id milestone_id",
    "alert_rules": "alert_id",
    "plans": "plan_id",
    "sources": "table_name",
    "pillar_sources": "pillar_id table_name",
}
RAW_TABLES = {
    "accounts",
    "account_attributes",
    "account_tags",
    "users",
    "events",
    "subscriptions",
    "invoices",
    "tickets",
    "touchpoints",
    "survey_responses",
    "risk_assessments",
    "exchange_rates",
    "health_overrides",
}
ACCOUNT_SIGNALS = {
    "account_age_days",
    "lifecycle_stage",
    "industry",
    "region",
    "csm_email",
    "parent_account_id",
    "plan_id",
    "tag",
}
# Metrics without a rule, listed because an account manager asks for them first.
SHOWN_ONLY = {"events_30d", "overdue_amount", "tickets_created_30d"}

Row = dict[str, str]


def rows_of(name: str) -> list[Row]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ids_of(name: str) -> set[str]:
    return {next(iter(row.values())) for row in rows_of(name)}


def conditions() -> list[Row]:
    """Every comparison of the configuration in one shape, with the metric that it reads."""
    metrics = {row["metric_id"]: row for row in rows_of("metrics")}
    found = [row | {"threshold": row["value"]} for row in rows_of("segment_rules")]
    found += rows_of("health_rules") + rows_of("milestones")
    for row in rows_of("score_rules"):
        for band in ("healthy", "poor"):
            if row[f"{band}_operator"]:
                condition = {
                    "operator": row[f"{band}_operator"],
                    "threshold": row[f"{band}_threshold"],
                }
                found.append(row | condition)
    return [metrics.get(row["signal_id"], {}) | row for row in found]


@pytest.mark.parametrize("name", COLUMNS)
def test_each_file_has_exactly_the_columns_of_the_contract(name: str) -> None:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == COLUMNS[name].split()
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines) > 1


def test_there_are_no_other_files() -> None:
    """Beside the configuration of health there are only the checks and the values of the data."""
    assert {path.stem for path in SEEDS.glob("*.csv")} == {*COLUMNS, "checks", "raw_values"}


@pytest.mark.parametrize("name", KEYS)
def test_keys_do_not_repeat(name: str) -> None:
    keys = [tuple(row[column] for column in KEYS[name].split()) for row in rows_of(name)]
    assert len(keys) == len(set(keys))


def test_every_id_used_exists() -> None:
    pillars, segments = ids_of("pillars"), ids_of("segments")
    signals = ids_of("metrics") | ids_of("attributes") | ACCOUNT_SIGNALS
    for name, columns in COLUMNS.items():
        for row in rows_of(name):
            if "pillar_id" in columns.split():
                allowed = pillars | ({"overall"} if name == "alert_rules" else set())
                assert row["pillar_id"] in allowed, (name, row)
            if row.get("segment_id"):
                assert row["segment_id"] in segments, (name, row)
            if row.get("signal_id"):
                assert row["signal_id"] in signals, (name, row)
            if row.get("scaled_by"):
                assert row["scaled_by"] in ids_of("metrics") | ids_of("attributes"), (name, row)
    used_tables = {row["table_name"] for row in rows_of("pillar_sources")}
    assert used_tables <= {row["table_name"] for row in rows_of("sources")} == RAW_TABLES


def test_each_signal_has_a_name_of_its_own() -> None:
    assert not ids_of("metrics") & ids_of("attributes")
    assert not (ids_of("metrics") | ids_of("attributes")) & ACCOUNT_SIGNALS


def test_every_metric_is_used_or_worth_showing() -> None:
    used = {row["signal_id"] for row in conditions()}
    used |= {row.get("scaled_by", "") for row in conditions()}
    assert ids_of("metrics") - used == SHOWN_ONLY
    assert ids_of("attributes") <= used


def test_windows_stand_in_the_names_of_metrics() -> None:
    for row in rows_of("metrics"):
        window = row["window_days"]
        assert row["metric_id"].endswith(f"_{window}d") == bool(window), row["metric_id"]


def test_every_metric_and_attribute_has_a_name_for_people_of_its_own() -> None:
    """With the window in it, and no underscore."""
    rows = rows_of("metrics") + rows_of("attributes")
    names = [row.get("metric_name") or row.get("attribute_name") or "" for row in rows]
    assert all(name and "_" not in name for name in names)
    assert len({name.lower() for name in names}) == len(names)
    for row in rows_of("metrics"):
        window = row["window_days"] and f", last {row['window_days']} days"
        assert row["metric_name"].endswith(window), row["metric_id"]
        assert (", last" in row["metric_name"]) == bool(window), row["metric_id"]


def test_every_description_is_one_sentence() -> None:
    for name in ("segments", "attributes", "metrics"):
        for row in rows_of(name):
            assert row["description"].endswith("."), row
            assert ". " not in row["description"], row


# Segments


def test_there_are_five_segments_and_the_default_is_last() -> None:
    segments = rows_of("segments")
    assert len(segments) >= 5
    priorities = [int(row["priority"]) for row in segments]
    assert sorted(priorities) == list(range(1, len(segments) + 1))
    default = [row for row in segments if row["is_default"] == "true"]
    assert [row["priority"] for row in default] == [str(len(segments))]
    with_rules = {row["segment_id"] for row in rows_of("segment_rules")}
    assert with_rules == ids_of("segments") - {default[0]["segment_id"]}


def test_segments_come_from_age_plan_size_renewal_and_tags() -> None:
    used = {row["signal_id"] for row in rows_of("segment_rules")}
    assert used >= {"account_age_days", "lifecycle_stage", "plan_id", "mrr", "seats"}
    assert used >= {"days_to_renewal", "tag"}


def configured_pillars(segment_id: str) -> set[str]:
    rows = rows_of("health_rules") + rows_of("score_rules")
    return {row["pillar_id"] for row in rows if row["segment_id"] == segment_id}


def test_one_segment_is_for_analysis_only_and_the_others_configure_all_pillars() -> None:
    configured = {segment_id: configured_pillars(segment_id) for segment_id in ids_of("segments")}
    assert [name for name, pillars in configured.items() if not pillars] == ["expansion_candidates"]
    assert all(pillars == set(CORE_PILLARS) for pillars in configured.values() if pillars)


def test_the_pillars_are_the_five_of_the_contract() -> None:
    assert [row["pillar_id"] for row in rows_of("pillars")] == list(CORE_PILLARS)


# What the starter shows


def ways_of_scoring() -> set[str]:
    kinds: dict[tuple[str, str], set[str]] = {}
    for name in ("health_rules", "score_rules"):
        for row in rows_of(name):
            kinds.setdefault((row["segment_id"], row["pillar_id"]), set()).add(name)
    return {" and ".join(sorted(kind)) for kind in kinds.values()}


def test_every_way_of_scoring_is_shown() -> None:
    assert ways_of_scoring() == {"health_rules", "score_rules", "health_rules and score_rules"}


def test_weights_differ_by_segment_and_somewhere_a_poor_pillar_caps() -> None:
    weights: dict[str, dict[str, str]] = {}
    for row in rows_of("pillar_weights"):
        weights.setdefault(row["segment_id"], {})[row["pillar_id"]] = row["weight"]
    assert len({tuple(of_segment.items()) for of_segment in weights.values()}) > 1
    assert any(row["cap_when_poor"] for row in rows_of("pillar_weights"))


def test_clauses_show_both_and_and_or() -> None:
    sizes: dict[tuple[str, ...], dict[str, int]] = {}
    for row in rows_of("health_rules"):
        clauses = sizes.setdefault((row["segment_id"], row["pillar_id"], row["state"]), {})
        clauses[row["clause"]] = clauses.get(row["clause"], 0) + 1
    assert any(len(clauses) > 1 and max(clauses.values()) > 1 for clauses in sizes.values())


def test_milestones_are_in_order() -> None:
    positions: dict[str, list[int]] = {}
    for row in rows_of("milestones"):
        positions.setdefault(row["segment_id"], []).append(int(row["position"]))
    assert "onboarding" in positions
    for found in positions.values():
        assert found == list(range(1, len(found) + 1))


def test_plans_are_ranked() -> None:
    ranks = [int(row["plan_rank"]) for row in rows_of("plans")]
    assert ranks == sorted(set(ranks))


def test_each_pillar_needs_a_table_and_quiet_tables_never_turn_stale() -> None:
    needed = {row["pillar_id"] for row in rows_of("pillar_sources")}
    assert needed == set(CORE_PILLARS)
    max_age = {row["table_name"]: row["max_age_hours"] for row in rows_of("sources")}
    for table in ("account_tags", "survey_responses", "subscriptions", "health_overrides"):
        assert not max_age[table]
    assert float(max_age["events"]) > 2 * 24  # a quiet weekend
    assert float(max_age["invoices"]) > 31 * 24  # bills that all go out on one day of the month


def measures(measure: str, **expected: str) -> Callable[[Row], bool]:
    """A condition on a metric of the measure whose other columns have the values expected."""

    def holds(row: Row) -> bool:
        is_expected = all(row.get(column, "") == value for column, value in expected.items())
        return row.get("measure") == measure and is_expected

    return holds


def is_alone(row: Row) -> bool:
    """Whether the condition is a clause of a health rule by itself."""
    clause = ("segment_id", "pillar_id", "state", "clause")
    rows = rows_of("health_rules")
    return "state" in row and sum(all(row[c] == other[c] for c in clause) for other in rows) == 1


def is_tagged(tag: str, state: str) -> Callable[[Row], bool]:
    """A rule of the external pillar on this one tag."""
    expected = {"pillar_id": "external", "signal_id": "tag", "operator": "=", "threshold": tag}
    return lambda row: (expected | {"state": state}).items() <= row.items()


def in_touch_by(channel: str) -> Callable[[Row], bool]:
    """Good in relationship for touchpoints of this one channel."""
    return measures(
        "touchpoints",
        pillar_id="relationship",
        state="good",
        dimension_values=channel,
        operator=">=",
    )


# The examples that the customer success field gives for each pillar, each a row by itself.
EXAMPLES: dict[str, Callable[[Row], bool]] = {
    "used some features in some days": lambda row: (
        measures("features_used")(row) and row["window_days"] != "" and row["operator"] == ">="
    ),
    "no event of a feature ever": measures(
        "events", window_days="", dimension="feature", operator="=", threshold="0"
    ),
    "a feature never used": lambda row: (
        measures("features_used", window_days="", operator="=", threshold="0")(row)
        and row["dimension"] != ""
        and is_alone(row)
    ),
    "users inactive in some days": measures("inactive_users", operator=">=", scaled_by="seats"),
    "a number of users inactive in some days": measures(
        "inactive_users", operator=">=", scaled_by=""
    ),
    "on a higher plan": measures("plan_rank", operator=">="),
    "downgraded": measures("plan_rank_change", operator="<", threshold="0"),
    "invoice due in the last days": lambda row: (
        measures("invoices_due", operator=">=", threshold="1")(row) and is_alone(row)
    ),
    "all open tickets resolved": measures(
        "open_tickets", window_days="", operator="=", threshold="0"
    ),
    "tickets of high priority open in the last days": lambda row: (
        measures("open_tickets", dimension="priority")(row)
        and row["window_days"] != ""
        and "high" in row["dimension_values"].split("|")
    ),
    "bad feedback": measures("bad_csat", operator=">="),
    "certain touchpoints in the last days": measures(
        "touchpoints", dimension="channel", dimension_values="meeting|qbr", operator=">="
    ),
    "a webinar": in_touch_by("webinar"),
    "a visit": in_touch_by("visit"),
    "too few touchpoints": measures("touchpoints", operator="<"),
    "last contact long ago": measures("days_since_last_touchpoint", operator=">"),
    "confidence tags": measures("confidence_tags", operator=">="),
    "risk tags": measures("risk_tags", operator=">="),
    "a case study": is_tagged("case_study", "good"),
    "a referral": is_tagged("referral", "good"),
    "a review": is_tagged("review", "good"),
    "acquired": lambda row: is_tagged("acquired", "poor")(row) and is_alone(row),
    "strategy changed": lambda row: is_tagged("strategy_changed", "poor")(row) and is_alone(row),
    "threshold that follows the seats": lambda row: row.get("scaled_by") == "seats",
    "threshold that follows an attribute": lambda row: row.get("scaled_by") in ids_of("attributes"),
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_in_the_starter(example: str) -> None:
    assert any(EXAMPLES[example](row) for row in conditions())
