"""Accounts: the list of them, with columns, filters and order as the address says."""

import csv
import io
from dataclasses import dataclass
from typing import Any

from orchestration.insight.wording import way_up
from orchestration.pages.filters import Clause, Query, chosen
from orchestration.pages.visit import Visit
from orchestration.pages.words import STATES, spaced
from orchestration.publishing.open_publication import Row, Snapshot
from orchestration.warehouse.duckdb_files import literal, quoted

PER_PAGE = 50
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
TAG = "tag:"  # before the name of a tag among the properties
PLAIN_SHOWN = ["state", "score", "strip", "mrr", "reason", "way_up", "since", "risk"]


@dataclass(frozen=True)
class Column:
    """A column of the list. sql: by what it is sorted. kind: how its cells are written (`cell` in
    `accounts.html.jinja`)."""

    name: str
    title: str
    sql: str
    kind: str = "text"

    @property
    def key(self) -> str:
        """What the column is called in the rows."""
        return self.name if ":" in self.name else self.sql.rpartition(".")[2] or self.name

    @property
    def style(self) -> str:
        """The class of its cells."""
        if self.kind in ("score", "money", "number", "percent"):
            return "number"
        return {"words": "words", "day": "nowrap"}.get(self.kind, "")


COLUMNS = (
    Column("account", "Account", "accounts.account_name", "account"),
    Column("state", "Overall", "accounts.overall_state", "state"),
    Column("score", "Score", "accounts.overall_score", "score"),
    Column("strip", "Last 60 days", "accounts.last_60_days", "strip"),
    Column("mrr", "MRR", "accounts.mrr", "money"),
    Column("reason", "Main reason", "accounts.main_reason", "words"),
    Column("way_up", "Nearest way up", "", "words"),
    Column("since", "Since", "accounts.state_since", "day"),
    Column("risk", "Risk", "risks.risk_score", "number"),
    Column("manager", "Manager", "accounts.csm_email"),
    Column("segment", "Segment", "accounts.segment_name"),
    Column("stage", "Lifecycle stage", "accounts.lifecycle_stage"),
    Column("settled", "Settled state", "accounts.settled_state", "state"),
    Column("before", "State before", "accounts.previous_overall_state", "state"),
    Column("coverage", "Coverage", "accounts.coverage", "percent"),
    Column("certain", "Certain", "accounts.is_certain", "answer"),
)
# Worst first, as people look for it.
STATE_ORDER = "case {} when 'poor' then 0 when 'average' then 1 when 'good' then 2 else 3 end"
# The value of an account in a table with a row for each of its pillars or properties.
BESIDE = (
    "(select {column} from health.{table} as beside"
    " where beside.account_id = accounts.account_id and beside.{key} = {name})"
)


def columns(snapshot: Snapshot, visible: Clause) -> dict[str, Column]:
    """All that can be shown, by name: pillars and properties are those of the publication."""
    names = snapshot.configuration
    found = [*COLUMNS]
    for pillar in names.pillars:
        sql = BESIDE.format(
            column="state", table="pillar_health", key="pillar_id", name=literal(pillar)
        )
        found.append(Column(f"pillar:{pillar}", names.pillar_names[pillar], sql, "state"))
    for name, value_type in properties(snapshot, visible).items():
        if name.startswith(TAG):
            continue
        kind = "number" if value_type == "number" else "text"
        sql = BESIDE.format(
            column=f"value_{kind}",
            table="account_properties",
            key="property_id",
            name=literal(name),
        )
        found.append(Column(f"property:{name}", names.signal_name(name), sql, kind))
    return {column.name: column for column in found}


def properties(snapshot: Snapshot, visible: Clause) -> dict[str, str]:
    """The properties that accounts have, tags among them, with their types."""
    rows = snapshot.kept(
        "select distinct property_id, value_type from health.account_properties where account_id in"
        f" (select account_id from health.account_health as accounts where {visible.sql})"
        " order by all",
        visible.values,
    )
    return {row["property_id"]: row["value_type"] for row in rows}


def shown(query: Query, known: dict[str, Column]) -> list[Column]:
    """The columns asked for, in their order."""
    asked = [name for name in query.all("show") if name in known and name != "account"]
    return [known["account"], *(known[name] for name in asked or PLAIN_SHOWN)]


def order(query: Query, known: dict[str, Column]) -> tuple[str, bool]:
    """The column to sort by, and whether from the greatest to the least."""
    name = query.get("sort", "-mrr")
    is_down, name = name.startswith("-"), name.removeprefix("-")
    if name not in known or not known[name].sql:
        return "mrr", True
    return name, is_down


def select(
    columns_of: list[Column], sort: tuple[str, bool], known: dict[str, Column], where: str
) -> str:
    """The rows of the list."""
    name, is_down = sort
    key = known[name].sql
    by = STATE_ORDER.format(key) if known[name].kind == "state" else key
    beside = "".join(
        f", {column.sql} as {quoted(column.name)}" for column in columns_of if ":" in column.name
    )
    return (
        f"select accounts.*, risks.risk_score{beside} from health.account_health as accounts"
        " left join health.account_risk as risks on accounts.account_id = risks.account_id"
        f" where {where} order by {by} {'desc' if is_down else 'asc'} nulls last,"
        " accounts.account_id"
    )


def summary(snapshot: Snapshot, query: Query, visible: Clause) -> list[Row]:
    """Accounts and MRR by overall state, for the bar: as if no state were chosen, where all that is
    chosen has to match."""
    without = "" if query.get("match") == "any" else "state"
    accounts = chosen(query, snapshot, visible, without=without)
    rows = snapshot.rows(
        "select overall_state as state, count(*) as accounts, sum(mrr) as mrr"
        f" from health.account_health as accounts where {accounts.sql} group by overall_state",
        accounts.values,
    )
    by_state = {row["state"]: row for row in rows}
    total = sum(row["accounts"] for row in rows) or 1
    x = 0.0
    bar = []
    for state in STATES:
        row = by_state.get(state, {"state": state, "accounts": 0, "mrr": None})
        width = 100 * row["accounts"] / total
        bar.append({**row, "x": round(x, 3), "width": round(width, 3)})
        x += width
    return bar


def ways_up(snapshot: Snapshot, accounts: list[str]) -> dict[str, str]:
    """The nearest flip that makes a pillar better, for some accounts."""
    names = snapshot.configuration
    rows = snapshot.rows(
        "select account_id, pillar_id, to_state, signal_id, observed, needed_operator, needed"
        " from health.nearest_flips where direction = 'better'"
        " and account_id in (select unnest(cast(? as varchar[])))"
        " qualify row_number() over (partition by account_id order by relative_gap, pillar_id) = 1",
        [accounts],
    )
    return {row["account_id"]: way_up(names, row) for row in rows}


def listed(snapshot: Snapshot, cells: list[Column], sql: str, values: list[Any]) -> list[Row]:
    """The rows of the list, with the nearest way up where a column shows it."""
    rows = snapshot.rows(sql, values)
    if any(column.name == "way_up" for column in cells) and rows:
        ups = ways_up(snapshot, [row["account_id"] for row in rows])
        rows = [{**row, "way_up": ups.get(row["account_id"])} for row in rows]
    return rows


def choices(snapshot: Snapshot, visible: Clause) -> dict[str, list[Any]]:
    """What the filters offer."""
    managers = snapshot.kept(
        "select distinct coalesce(csm_email, 'nobody') as manager"
        f" from health.account_health as accounts where {visible.sql} order by all",
        visible.values,
    )
    names = snapshot.configuration
    known = properties(snapshot, visible)
    tags = [name for name in known if name.startswith(TAG)]
    return {
        "managers": [(row["manager"], row["manager"]) for row in managers],
        "segments": list(names.segment_names.items()),
        "pillars": [(pillar, names.pillar_names[pillar]) for pillar in names.pillars],
        "states": [(state, title) for state, (_, title) in STATES.items()],
        "tags": [(name[len(TAG) :], spaced(name[len(TAG) :])) for name in tags],
        "properties": [(name, names.signal_name(name)) for name in known if name not in tags],
    }


def page(visit: Visit) -> dict[str, Any]:
    """What the template `accounts` shows."""
    snapshot, query, visible = visit.snapshot, visit.query, visit.visible
    known = columns(snapshot, visible)
    cells = shown(query, known)
    sort = order(query, known)
    accounts = chosen(query, snapshot, visible)
    total = snapshot.value(
        f"select count(*) from health.account_health as accounts where {accounts.sql}",
        accounts.values,
    )
    pages = max(1, -(-total // PER_PAGE))
    number = min(query.whole("page", 1), pages)
    sql = select(cells, sort, known, accounts.sql)
    place = f" limit {PER_PAGE} offset {(number - 1) * PER_PAGE}"
    return {
        "rows": listed(snapshot, cells, sql + place, accounts.values),
        "columns": cells,
        "known": known.values(),
        "sort": sort,
        "accounts": accounts,
        "bar": summary(snapshot, query, visible),
        "total": total,
        "number": number,
        "pages": pages,
        "choices": choices(snapshot, visible),
        "moved": moved,
    }


def moved(names: list[str], name: str, step: int) -> list[str]:
    """The columns with one of them a place further left or right."""
    position = names.index(name)
    target = min(max(position + step, 0), len(names) - 1)
    others = [other for other in names if other != name]
    return [*others[:target], name, *others[target:]]


def as_csv(visit: Visit) -> str:
    """All accounts of the address with the columns shown, not only those of one page."""
    snapshot, query = visit.snapshot, visit.query
    known = columns(snapshot, visit.visible)
    cells = shown(query, known)
    accounts = chosen(query, snapshot, visit.visible)
    sql = select(cells, order(query, known), known, accounts.sql)
    rows = listed(snapshot, cells, sql, accounts.values)
    keys = ["account_id", *(column.key for column in cells)]
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\r\n")
    lines.writerow(["Account id", *(harmless(column.title) for column in cells)])
    lines.writerows([harmless(row[key]) for key in keys] for row in rows)
    return written.getvalue()


def harmless(value: Any) -> Any:
    """A text that a spreadsheet takes for a formula gets a quote before it."""
    is_formula = isinstance(value, str) and value.startswith(FORMULAS)
    return f"'{value}" if is_formula else value
