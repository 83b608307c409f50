"""The configuration tables as objects. Assumes that they are valid: nothing is checked here."""

import csv
from dataclasses import dataclass
from pathlib import Path

from .values import read_boolean, read_number, trimmed

DEFAULT_GOOD_FROM = 6.66
DEFAULT_POOR_BELOW = 3.34
# Dimensions whose values are words of the contract, which are read without regard to case.
WORD_DIMENSIONS = ("priority", "channel")
# A folder without these files has empty ones.
OPTIONAL_FILES = ("raw_values",)

ConfigRow = dict[str, str | None]


@dataclass(frozen=True)
class Pillar:
    pillar_id: str
    display_order: float
    when_no_data: str


@dataclass(frozen=True)
class Segment:
    segment_id: str
    segment_name: str | None
    priority: int
    is_default: bool
    good_from: float
    poor_below: float
    settle_days: int


@dataclass(frozen=True)
class Metric:
    """A measure with its window in days (None: lifetime) and the dimension values kept.

    `base_metric` and `peer_attribute`: what a measure of metrics compares.
    """

    metric_id: str
    pillar_id: str
    measure: str
    window_days: int | None
    dimension: str | None
    dimension_values: frozenset[str]
    base_metric: str | None = None
    peer_attribute: str | None = None


@dataclass(frozen=True)
class Condition:
    """`signal_id operator threshold`, and where it stands in the configuration.

    rule_set: segment, good, poor, healthy, poor_band or milestone.
    ends: of a linear score rule, whose operator is `linear`: the thresholds that give 0 and 10.
    """

    segment_id: str
    pillar_id: str | None
    rule_set: str
    clause: str | None
    signal_id: str
    operator: str
    threshold: str
    scaled_by: str | None
    ends: tuple[str, str] | None = None


@dataclass(frozen=True)
class ScoreRule:
    """A weighted band, one of whose two conditions may be left out, or a linear rule with both."""

    segment_id: str
    pillar_id: str
    weight: float
    healthy: Condition | None
    poor: Condition | None
    is_linear: bool = False

    @property
    def conditions(self) -> list[Condition]:
        return [condition for condition in (self.healthy, self.poor) if condition is not None]


@dataclass(frozen=True)
class PillarWeight:
    segment_id: str
    pillar_id: str
    weight: float
    cap_when_poor: float | None


@dataclass(frozen=True)
class Milestone:
    """A step of an account's life in a segment; `position` is its place among the others."""

    milestone_id: str
    milestone_name: str | None
    position: float
    condition: Condition


@dataclass(frozen=True)
class AlertRule:
    """What somebody is to be told of; None: asks for nothing."""

    alert_id: str
    pillar_id: str
    from_state: str | None
    to_state: str | None
    score_below: float | None
    score_drop_7d: float | None
    segment_id: str | None
    severity: str | None
    playbook: str | None


@dataclass(frozen=True)
class Source:
    """What is tolerated of a raw table; None: anything."""

    max_age_hours: float | None
    max_rejected_ratio: float | None


@dataclass(frozen=True)
class Configuration:
    """All configuration that health depends on; lists keep the order of the files."""

    pillars: list[Pillar]
    segments: list[Segment]
    segment_rules: list[Condition]
    attribute_types: dict[str, str]
    metrics: list[Metric]
    health_rules: list[Condition]
    score_rules: list[ScoreRule]
    pillar_weights: list[PillarWeight]
    milestones: list[Milestone]
    alert_rules: list[AlertRule]
    plan_ranks: dict[str, float]
    sources: dict[str, Source]
    pillar_sources: list[tuple[str, str]]
    raw_values: list[ConfigRow]
    pillar_names: dict[str, str | None]
    signal_names: dict[str, str | None]
    signal_units: dict[str, str | None]


def read_configuration(seeds_dir: Path) -> Configuration:
    """Read the CSV files below `seeds_dir`, each found by its name."""

    def rows(name: str) -> list[ConfigRow]:
        path = min(seeds_dir.rglob(f"{name}.csv"), default=None)
        if path is None and name in OPTIONAL_FILES:
            return []
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [
                {column: trimmed(cell) for column, cell in row.items()}
                for row in csv.DictReader(file)
            ]

    return Configuration(
        pillars=[_pillar(row) for row in rows("pillars")],
        segments=[_segment(row) for row in rows("segments")],
        segment_rules=[_segment_rule(row) for row in rows("segment_rules")],
        attribute_types={
            row["attribute_id"]: row["value_type"].lower() for row in rows("attributes")
        },
        metrics=[_metric(row) for row in rows("metrics")],
        health_rules=[_health_rule(row) for row in rows("health_rules")],
        score_rules=[_score_rule(row) for row in rows("score_rules")],
        pillar_weights=[_pillar_weight(row) for row in rows("pillar_weights")],
        milestones=[_milestone(row) for row in rows("milestones")],
        alert_rules=[_alert_rule(row) for row in rows("alert_rules")],
        plan_ranks={row["plan_id"]: read_number(row["plan_rank"]) for row in rows("plans")},
        sources={row["table_name"]: _source(row) for row in rows("sources")},
        pillar_sources=[(row["pillar_id"], row["table_name"]) for row in rows("pillar_sources")],
        raw_values=rows("raw_values"),
        pillar_names={
            row["pillar_id"]: row["pillar_name"] or row["pillar_id"].replace("_", " ")
            for row in rows("pillars")
        },
        signal_names={
            **{row["attribute_id"]: row.get("attribute_name") for row in rows("attributes")},
            **{row["metric_id"]: row.get("metric_name") for row in rows("metrics")},
        },
        signal_units={
            "account_age_days": "days",
            **{row["attribute_id"]: row.get("unit") for row in rows("attributes")},
            **{row["metric_id"]: row.get("unit") for row in rows("metrics")},
        },
    )


def list_values(text: str) -> list[str]:
    """The values of a text such as `a | b`, trimmed."""
    return [value.strip() for value in text.split("|") if value.strip()]


def _number(cell: str | None) -> float | None:
    return None if cell is None else read_number(cell)


def _pillar(row: ConfigRow) -> Pillar:
    return Pillar(row["pillar_id"], read_number(row["display_order"]), row["when_no_data"].lower())


def _segment(row: ConfigRow) -> Segment:
    good_from, poor_below = _number(row["good_from"]), _number(row["poor_below"])
    return Segment(
        segment_id=row["segment_id"],
        segment_name=row["segment_name"],
        priority=int(read_number(row["priority"])),
        is_default=read_boolean(row["is_default"] or "false") is True,
        good_from=DEFAULT_GOOD_FROM if good_from is None else good_from,
        poor_below=DEFAULT_POOR_BELOW if poor_below is None else poor_below,
        settle_days=int(_number(row.get("settle_days")) or 0),
    )


def _metric(row: ConfigRow) -> Metric:
    window_days = _number(row["window_days"])
    kept = list_values(row["dimension_values"] or "")
    if row["dimension"] in WORD_DIMENSIONS:
        kept = [value.lower() for value in kept]
    return Metric(
        metric_id=row["metric_id"],
        pillar_id=row["pillar_id"],
        measure=row["measure"],
        window_days=None if window_days is None else int(window_days),
        dimension=row["dimension"],
        dimension_values=frozenset(kept),
        base_metric=row.get("base_metric"),
        peer_attribute=row.get("peer_attribute"),
    )


def _segment_rule(row: ConfigRow) -> Condition:
    return Condition(
        segment_id=row["segment_id"],
        pillar_id=None,
        rule_set="segment",
        clause=row["clause"],
        signal_id=row["signal_id"],
        operator=row["operator"],
        threshold=row["value"],
        scaled_by=None,
    )


def _health_rule(row: ConfigRow) -> Condition:
    return Condition(
        segment_id=row["segment_id"],
        pillar_id=row["pillar_id"],
        rule_set=row["state"].lower(),
        clause=row["clause"],
        signal_id=row["signal_id"],
        operator=row["operator"],
        threshold=row["threshold"],
        scaled_by=row["scaled_by"],
    )


def _score_rule(row: ConfigRow) -> ScoreRule:
    if row.get("scoring") == "linear":
        return _linear_rule(row)
    return ScoreRule(
        segment_id=row["segment_id"],
        pillar_id=row["pillar_id"],
        weight=read_number(row["weight"]),
        healthy=_band(row, "healthy", row["healthy_operator"], row["healthy_threshold"]),
        poor=_band(row, "poor_band", row["poor_operator"], row["poor_threshold"]),
    )


def _linear_rule(row: ConfigRow) -> ScoreRule:
    ends = (row["poor_threshold"], row["healthy_threshold"])
    poor, healthy = (
        Condition(
            segment_id=row["segment_id"],
            pillar_id=row["pillar_id"],
            rule_set=rule_set,
            clause=None,
            signal_id=row["signal_id"],
            operator="linear",
            threshold=threshold,
            scaled_by=row["scaled_by"],
            ends=ends,
        )
        for rule_set, threshold in zip(("poor_band", "healthy"), ends, strict=True)
    )
    weight = read_number(row["weight"])
    return ScoreRule(row["segment_id"], row["pillar_id"], weight, healthy, poor, is_linear=True)


def _band(
    row: ConfigRow, rule_set: str, operator: str | None, threshold: str | None
) -> Condition | None:
    if operator is None or threshold is None:
        return None
    return Condition(
        segment_id=row["segment_id"],
        pillar_id=row["pillar_id"],
        rule_set=rule_set,
        clause=None,
        signal_id=row["signal_id"],
        operator=operator,
        threshold=threshold,
        scaled_by=row["scaled_by"],
    )


def _pillar_weight(row: ConfigRow) -> PillarWeight:
    return PillarWeight(
        row["segment_id"],
        row["pillar_id"],
        read_number(row["weight"]),
        _number(row["cap_when_poor"]),
    )


def _milestone(row: ConfigRow) -> Milestone:
    condition = Condition(
        segment_id=row["segment_id"],
        pillar_id=None,
        rule_set="milestone",
        clause=row["milestone_id"],
        signal_id=row["signal_id"],
        operator=row["operator"],
        threshold=row["threshold"],
        scaled_by=row["scaled_by"],
    )
    return Milestone(
        row["milestone_id"], row["milestone_name"], read_number(row["position"]), condition
    )


def _alert_rule(row: ConfigRow) -> AlertRule:
    return AlertRule(
        alert_id=row["alert_id"],
        pillar_id=row["pillar_id"],
        from_state=row["from_state"],
        to_state=row["to_state"],
        score_below=_number(row["score_below"]),
        score_drop_7d=_number(row["score_drop_7d"]),
        segment_id=row["segment_id"],
        severity=row["severity"],
        playbook=row["playbook"],
    )


def _source(row: ConfigRow) -> Source:
    return Source(_number(row["max_age_hours"]), _number(row["max_rejected_ratio"]))
