"""What people enter acts on the tables that it concerns, whether these have files or not.

docs/raw_tables.md, "Entries".
"""

import json
from datetime import date
from pathlib import Path

from pipeline import Warehouse

DAY = date(2026, 11, 22)
ENTRIES: list[dict[str, object]] = [
    {
        "entry_id": "e1",
        "kind": "risk_score",
        "entered_at": "2026-11-20T10:00:00Z",
        "risk_score": 80,
    },
    {"entry_id": "e2", "kind": "tag_on", "tag": "merger", "tag_kind": "Risk", "note": "so it is"},
    {"entry_id": "e3", "kind": "tag_on", "tag": "merger", "tag_kind": "label"},
    {"entry_id": "e4", "kind": "tag_off", "tag": "merger", "tag_kind": "label"},
    {"entry_id": "e5", "kind": "tag_off", "tag": "old"},
    {"entry_id": "e6", "kind": "override", "pillar_id": "overall", "state": "good", "note": "no"},
    {"entry_id": "e7", "kind": "override", "pillar_id": "service", "state": "poor", "note": "no"},
    {"entry_id": "e8", "kind": "override_off", "refers_to": "entry:e6"},
    {"entry_id": "e9", "kind": "override_off", "refers_to": "nobody"},
    {"entry_id": "f1", "kind": "risk_score", "risk_score": 101},
    {"entry_id": "f4", "kind": "override", "pillar_id": "overall", "state": "good", "note": "no"},
    {"entry_id": "f4", "kind": "tag_off", "tag": "nothing", "entered_at": "2026-11-21T13:00:00Z"},
    {"entry_id": "f5", "kind": "override_off", "refers_to": "entry:f4"},
    {"entry_id": "f6", "kind": "override", "pillar_id": "service", "state": "poor", "note": "no"},
    {"entry_id": "f6", "kind": "override_off", "refers_to": "nobody"},
    {"entry_id": "f7", "kind": "override_off", "refers_to": "entry:f6"},
    {"entry_id": "f2", "kind": "override", "pillar_id": "overall", "state": "good"},
    {"entry_id": "f3", "kind": "tag_on", "tag": "x", "tag_kind": "risk", "expires_at": "soon"},
]


def test_entries_make_rows_and_end_others(tmp_path: Path) -> None:
    """Tags have files, the other tables exist by what was entered; an entry is a file, as pages
    write it."""
    raw = tmp_path / "raw"
    (raw / "health_entries").mkdir(parents=True)
    (raw / "accounts.csv").write_text("account_id,account_name,created_at\na,Acme,2026-01-01\n")
    (raw / "account_tags.csv").write_text(
        "account_id,tag,kind,added_at,removed_at\n"
        "a,old,risk,2026-10-01,\n"
        "a,old,confidence,2026-11-21 12:00:01,\n"
        "a,old,label,2026-10-01,2026-10-05\n"
    )
    for number, entry in enumerate(ENTRIES):
        at = f"2026-11-21T{number:02}:00:00Z" if number < 10 else "2026-11-21T12:00:00Z"
        if entry["entry_id"] == "e5":
            at = "2026-11-21T12:00:00Z"
        row = {"account_id": "a", "author": "ann@example.com", "entered_at": at, **entry}
        file = raw / "health_entries" / f"{number:02}.jsonl"
        file.write_text(json.dumps(row) + "\n")
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", raw)
    warehouse.calculate(DAY)

    assert warehouse.query(
        "select risk_score, risk_score_at::text, risk_author, risk_tags, confidence_tags, tag_notes"
        " from health.account_risk"
    ) == [
        (80, "2026-11-20 10:00:00", "ann@example.com", '["merger","x"]', '["old"]')
        + ('{"merger":"so it is"}',)
    ]
    assert warehouse.query(
        "select metric_id, value from health.pillar_metrics_history"
        " where pillar_id = 'external' and metric_id in ('risk_score_90d', 'risk_tags')"
        " order by metric_id"
    ) == [("risk_score_90d", 80), ("risk_tags", 2)]
    assert warehouse.query(
        "select override_id, pillar_id, state, reason, expires_at::text"
        " from health.override_history order by override_id"
    ) == [
        ("entry:e6", "overall", "good", "no", "2026-11-21 07:00:00"),
        ("entry:e7", "service", "poor", "no", None),
        ("entry:f6", "service", "poor", "no", "2026-11-21 12:00:00"),
    ]
    assert warehouse.query(
        "select table_name, status, rows_before_date from health.source_status where table_name in"
        " ('account_tags', 'risk_assessments', 'health_overrides', 'health_entries', 'tickets')"
        " order by table_name"
    ) == [
        ("account_tags", "ok", 6),
        ("health_entries", "ok", 12),
        ("health_overrides", "ok", 3),
        ("risk_assessments", "ok", 1),
        ("tickets", "absent", 0),
    ]
    assert warehouse.query(
        "select table_name, record_key, reason, effect from health.rejected_records"
        " order by record_key"
    ) == [
        ("health_entries", "e9", "unknown_refers_to", "row_rejected"),
        ("health_entries", "f1", "out_of_range_risk_score", "row_rejected"),
        ("health_entries", "f2", "missing_note", "row_rejected"),
        ("health_entries", "f3", "invalid_expires_at", "value_ignored"),
        ("health_entries", "f4", "duplicate_key", "row_rejected"),
        ("health_entries", "f5", "unknown_refers_to", "row_rejected"),
        ("health_entries", "f6", "unknown_refers_to", "row_rejected"),
    ]

    # A table that cannot be read counts as absent, whatever was entered.
    (raw / "risk_assessments.csv").write_bytes(b"assessment_id,account_id\n\xff")
    warehouse.calculate(DAY)
    assert warehouse.query("select risk_score, risk_tags from health.account_risk") == [
        (None, '["merger","x"]')
    ]
    assert warehouse.query(
        "select status from health.source_status where table_name = 'risk_assessments'"
    ) == [("unreadable",)]
