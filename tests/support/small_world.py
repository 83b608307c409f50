"""Worlds small enough to work out by hand: raw tables and seeds as CSV files, given as lines."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import pandas
from reference import calculate

DAY = date(2026, 11, 22)
SEED_COLUMNS = {
    "pillars": "pillar_id,pillar_name,display_order,when_no_data",
    "segments": "segment_id,segment_name,priority,is_default,good_from,poor_below,description",
    "segment_rules": "segment_id,clause,signal_id,operator,value",
    "attributes": "attribute_id,value_type,unit,description",
    "metrics": "metric_id,pillar_id,measure,window_days,dimension,dimension_values,unit,"
    "description",
    "health_rules": "segment_id,pillar_id,state,clause,signal_id,operator,threshold,scaled_by",
    "score_rules": "segment_id,pillar_id,signal_id,weight,healthy_operator,healthy_threshold,"
    "poor_operator,poor_threshold,scaled_by",
    "pillar_weights": "segment_id,pillar_id,weight,cap_when_poor",
    "milestones": "segment_id,milestone_id,milestone_name,position,signal_id,operator,threshold,"
    "scaled_by",
    "alert_rules": "alert_id,pillar_id,from_state,to_state,score_below,score_drop_7d,segment_id,"
    "severity,playbook",
    "plans": "plan_id,plan_name,plan_rank",
    "sources": "table_name,max_age_hours,max_rejected_ratio",
    "pillar_sources": "pillar_id,table_name",
    "raw_values": "table_name,column_name,raw_value,time_format,value",
}
PILLARS = [
    "product_adoption,Product adoption,1,not_calculated",
    "financial,Financial,2,not_calculated",
    "service,Service,3,not_calculated",
    "relationship,Relationship,4,average",
]
DEFAULT_SEGMENT = ["everyone,Everyone,9,true,,,"]
ACCOUNT = ["a1,Acme,2026-01-01"]
ACCOUNT_COLUMNS = "account_id,account_name,created_at"

Tables = dict[str, pandas.DataFrame]


class World:
    """Raw tables and seeds as CSV files, given as lines; pillars and one segment by default."""

    def __init__(self, folder: Path) -> None:
        self.raw_dir = folder / "raw"
        self.seeds_dir = folder / "seeds"
        for name, columns in SEED_COLUMNS.items():
            self.write(self.seeds_dir / f"{name}.csv", columns, [])
        self.seed(pillars=PILLARS, segments=DEFAULT_SEGMENT)
        self.raw("accounts", ACCOUNT_COLUMNS, ACCOUNT)

    @staticmethod
    def write(path: Path, columns: str, lines: Iterable[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([columns, *lines]) + "\n", encoding="utf-8")

    def raw(self, table_name: str, columns: str, lines: Iterable[str]) -> None:
        self.write(self.raw_dir / f"{table_name}.csv", columns, lines)

    def seed(self, **lines: Iterable[str]) -> None:
        for name, rows in lines.items():
            self.write(self.seeds_dir / f"{name}.csv", SEED_COLUMNS[name], rows)

    def numbers(self, **values: float) -> None:
        """Number signals of account a1, through its attribute log."""
        self.seed(attributes=[f"{name},number,," for name in values])
        self.raw(
            "account_attributes",
            "account_id,attribute,recorded_at,value",
            [f"a1,{name},2026-10-01,{value}" for name, value in values.items()],
        )

    def metrics(self, *measures: str) -> None:
        """Metrics under product_adoption, as `measure` or `measure,window,dimension,values`."""
        lines = []
        for measure in measures:
            parts = [*measure.split(","), "", "", ""][:4]
            metric_id = "_".join(part for part in parts[:2] if part)
            lines.append(f"{metric_id},product_adoption,{','.join(parts)},,")
        self.seed(metrics=lines)

    def calculate(self, start: date = DAY, end: date | None = None, **options: object) -> Tables:
        return calculate(self.raw_dir, self.seeds_dir, start, end or start, **options)

    def values(self, day: date = DAY) -> dict[str, float]:
        """Metric values of account a1; missing ones are not there."""
        metrics = self.calculate(day)["pillar_metrics_history"]
        return dict(zip(metrics["metric_id"], metrics["value"], strict=True))

    def pillar(self, pillar_id: str = "service", **options: object) -> Mapping[str, object]:
        pillars = self.calculate(**options)["pillar_health_history"]
        return pillars[pillars["pillar_id"] == pillar_id].iloc[0]

    def overall(self, **options: object) -> Mapping[str, object]:
        return self.calculate(**options)["account_health_history"].iloc[0]

    def rejected(self, **options: object) -> list[tuple[str, str | None, str]]:
        """(table, key, reason), sorted."""
        rejected = self.calculate(**options)["rejected_records"]
        rows = zip(rejected["table_name"], rejected["record_key"], rejected["reason"], strict=True)
        return sorted(rows, key=str)
