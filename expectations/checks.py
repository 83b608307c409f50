"""The checks: `checks.csv`, one row per check, and the kinds of check that it can ask for."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from orchestration.base.settings import ROOT

CHECKS_FILE = ROOT / "seeds" / "checks.csv"
BOUNDARIES = ("raw", "pillars", "health")
SEVERITIES = ("critical", "warning")


class WrongChecks(Exception):
    """Rows of checks.csv are wrong; the message names each with the cure."""


@dataclass(frozen=True)
class Kind:
    """What a check_name can be: at which boundary, of which table, and what it measures.

    `table` is the one table that it is for; None: any raw table. `column` says what column_name
    must name: None for nothing, `raw` for a column of the raw table, `measure` for a measure.
    `uses` names the optional numbers without which it cannot be worked out. `is_lint` says that it
    validates the configuration and not the data. What is expected of it stands in `custom`.
    """

    boundary: str
    table: str | None
    measures: str
    column: str | None = None
    uses: tuple[str, ...] = ()
    is_lint: bool = False


def lint(table: str, measures: str) -> Kind:
    return Kind("health", table, measures, uses=("window_days",), is_lint=True)


def raw(measures: str, column: str | None = None, windowed: bool = True) -> Kind:
    return Kind("raw", None, measures, column, ("window_days",) if windowed else ())


KINDS = {
    "readable": raw("problems with reading the file", windowed=False),
    "present": raw("1 when a table that was there on an earlier date is gone", windowed=False),
    "rows_kept": raw("rows in the file for each row counted on an earlier date"),
    "columns_kept": raw(
        "columns that metrics rest on, filled on an earlier date and absent or empty now",
        windowed=False,
    ),
    "volume": raw("rows for each row of a usual period"),
    "empty_days": raw("days without rows on which there usually are some"),
    "freshness_hours": raw("hours from the latest row to the health date", windowed=False),
    "null_share": raw("share of rows without a value", "raw"),
    "null_share_rise": raw("rise of the share of rows without a value", "raw"),
    "vocabulary": raw("share of values that are no known word", "raw"),
    "new_values": raw("share of rows with a value that did not occur before", "raw"),
    "distinct_values": raw("distinct values a day for each of a usual day", "raw"),
    "level": raw("typical value for each unit of the usual one", "raw"),
    "lag": raw("typical hours from the main time for each usual hour", "raw"),
    "hour_shift": raw("hours by which the pattern of the day has moved"),
    "future_share": raw("share of rows more than a day in the future", windowed=False),
    "rejected_share": raw("share of rows that were rejected"),
    "changed_share": raw("values that were ignored or changed, for each row"),
    "unknown_accounts": raw("share of rows of accounts that are not in `accounts`"),
    "unmatched_users": raw("share of rows with a user who is not in `users`"),
    "duplicate_share": raw("share of rows that are copies of others or repeat a key"),
    "accounts_seen": raw("accounts a day for each of a usual day"),
    "metric_range": Kind(
        "pillars", "pillar_metrics_history", "lowest and highest value", "measure"
    ),
    "missing_rise": Kind(
        "pillars", "pillar_metrics_history", "rise of the share of accounts without a value",
        uses=("window_days",),
    ),
    "metric_drift": Kind(
        "pillars", "pillar_metrics_history",
        "largest distance between the distributions of values (Kolmogorov-Smirnov)",
        uses=("window_days",),
    ),
    "metric_level": Kind(
        "pillars", "pillar_metrics_history", "typical value for each unit of the usual one",
        uses=("window_days",),
    ),
    "accounts_calculated": Kind("health", "account_health_history", "accounts with a row"),
    "accounts_kept": Kind(
        "health", "account_health_history", "accounts for each one of the date before",
        uses=("window_days",),
    ),
    "pillar_rows": Kind(
        "health", "pillar_health_history", "rows of an account for each configured pillar"
    ),
    "score_range": Kind("health", "pillar_health_history", "lowest and highest score"),
    "to_review": Kind(
        "health", "not_calculated_accounts", "pillars that should have been calculated and were not"
    ),
    "state_mix": Kind(
        "health", "account_health_history",
        "share of a segment's accounts that are in another state than usual",
        uses=("window_days",),
    ),
    "state_flips": Kind(
        "health", "account_health_history",
        "share of a segment's accounts whose state is another than on the date before",
        uses=("window_days",),
    ),
    "unknown_membership": Kind(
        "health", "segment_membership",
        "segments above the chosen one that the account was a member of and now may be",
        uses=("window_days",),
    ),
    "missed_nights": Kind(
        "health", "source_status", "nights that were missed and that no run completes by itself"
    ),
    "dates_to_come": Kind(
        "health", "source_status", "health dates that were calculated and have not begun"
    ),
    "segment_reached": lint("segment_membership", "accounts that the segment was chosen for"),
    "met_share": lint("health_explanations", "share of a segment's accounts that meet a condition"),
    "threshold_beyond": lint(
        "health_explanations",
        "how far the threshold lies outside the observed values, for each unit of their range",
    ),
    "signal_missing": lint(
        "health_explanations", "share of a segment's accounts without a value of the signal"
    ),
    "rules_overlap": lint(
        "pillar_health_history",
        "share of a segment's accounts that meet its good and its poor conditions",
    ),
    "columns_there": Kind(
        "health", "pillar_metrics_history",
        "columns that the metric rests on and that are in no file",
        is_lint=True,
    ),
    "weight_without_score": lint(
        "pillar_health_history",
        "share of a segment's accounts for which a pillar with a weight is not calculated",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Check:
    """A row of checks.csv: what is validated, within which bounds, and who acts if it fails."""

    check_name: str
    boundary: str
    table_name: str
    column_name: str | None
    severity: str
    minimum: float | None
    maximum: float | None
    window_days: int | None
    minimum_rows: int
    owner: str
    what_to_do: str

    @property
    def kind(self) -> Kind:
        return KINDS[self.check_name]

    @property
    def days(self) -> int:
        """The window, of a kind that has one: `load_checks` refuses a row without."""
        assert self.window_days is not None, self.label
        return self.window_days

    @property
    def column(self) -> str:
        """The column, of a kind that is of one: `load_checks` refuses a row without."""
        assert self.column_name is not None, self.label
        return self.column_name

    @property
    def label(self) -> str:
        """`check_name column_name`, without what is empty."""
        return " ".join(filter(None, (self.check_name, self.column_name)))

    @property
    def title(self) -> str:
        """The label and the severity, which is unique among the checks of a table."""
        return f"{self.label}, {self.severity}"

    @property
    def subject(self) -> str:
        """What is checked: `<boundary>.<table>`, the name of its suite."""
        return f"{self.boundary}.{self.table_name}"

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.check_name, self.table_name, self.column_name or "", self.severity

    @property
    def bounds(self) -> str:
        """The bounds in words."""
        if self.minimum is None:
            return f"up to {number_text(self.maximum)}" if self.maximum is not None else "any"
        if self.maximum is None:
            return f"from {number_text(self.minimum)}"
        if self.minimum == self.maximum:
            return number_text(self.minimum)
        return f"{number_text(self.minimum)} to {number_text(self.maximum)}"

    @property
    def expected(self) -> str:
        """What is measured, and its bounds."""
        return f"{self.kind.measures}: {self.bounds}"


COLUMNS = tuple(Check.__dataclass_fields__)


def number_text(number: float) -> str:
    """A number as a person would write it, with four digits that matter."""
    if not math.isfinite(number):
        return "unknown" if math.isnan(number) else "infinite"
    if number == int(number) and abs(number) < 1e15:
        return f"{int(number):,}"
    return f"{number:,.2f}" if abs(number) >= 100 else f"{number:.4g}"


def load_checks(
    tables: dict[str, list[str]], measures: set[str], file: Path = CHECKS_FILE
) -> tuple[Check, ...]:
    """The checks of the file. Raises WrongChecks with everything that is wrong in it.

    `tables` are the raw tables with their columns, `measures` those of the catalogue.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise WrongChecks(
                    f"{file.parent.name}/{file.name} lacks the column {missing[0]}. "
                    f"Its first line must be: {','.join(COLUMNS)}"
                )
            rows = [(reader.line_num, row) for row in reader]
    except FileNotFoundError as problem:
        raise WrongChecks(
            f"{file.parent.name}/{file.name} is missing, so that nothing can be checked. "
            "Restore it from git."
        ) from problem
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise WrongChecks(
            f"{file.parent.name}/{file.name} cannot be read: {problem}. "
            "Restore it from git, or write it as CSV in UTF-8."
        ) from problem
    problems: list[str] = []
    checks: dict[tuple[str, ...], Check] = {}
    for line, row in rows:
        cells = {name: (row[name] or "").strip() for name in COLUMNS}
        key = ",".join(
            filter(None, (cells["check_name"], cells["table_name"], cells["column_name"]))
        )
        where = f"{file.parent.name}/{file.name} line {line} [{key}]: "
        wrong = list(problems_of(cells, tables, measures))
        if not wrong:
            check = check_of(cells)
            if check.key in checks:
                wrong = ["another row has the same key and severity. Remove one of them."]
            checks[check.key] = check
        problems.extend(where + problem for problem in wrong)
    if problems:
        raise WrongChecks(
            f"The checks are wrong in {len(problems)} place(s); nothing was checked.\n  - "
            + "\n  - ".join(problems)
        )
    return tuple(checks.values())


def problems_of(cells: dict[str, str], tables: dict[str, list[str]], measures: set[str]):
    """What is wrong with a row, each with the cure."""
    kind = KINDS.get(cells["check_name"])
    if kind is None:
        yield f"there is no check of this name. Use one of: {', '.join(KINDS)}."
        return
    if cells["boundary"] != kind.boundary:
        yield f"boundary is `{cells['boundary']}`. This check is validated at `{kind.boundary}`."
    known_tables = tables if kind.table is None else {kind.table: []}
    if cells["table_name"] not in known_tables:
        yield f"table_name is `{cells['table_name']}`. Use one of: {', '.join(known_tables)}."
    else:
        known = {
            None: [],
            "raw": known_tables[cells["table_name"]],
            "measure": sorted(measures),
        }[kind.column]
        if kind.column and cells["column_name"] not in known:
            yield f"column_name is `{cells['column_name']}`. Use one of: {', '.join(known)}."
        if not kind.column and cells["column_name"]:
            yield "this check is not about one column. Leave column_name empty."
    if cells["severity"] not in SEVERITIES:
        yield f"severity is `{cells['severity']}`. Write critical or warning."
    bounds = [cells["minimum"], cells["maximum"]]
    for name in ("minimum", "maximum"):
        if cells[name] and not is_number(cells[name]):
            yield f"{name} is `{cells[name]}`. Write a number, or leave it empty."
    if not any(bounds):
        yield "it has no bound, so that it could never fail. Give minimum, maximum or both."
    elif all(map(is_number, bounds)) and float(bounds[0]) > float(bounds[1]):
        yield f"minimum {bounds[0]} is above maximum {bounds[1]}. Swap them."
    for name in ("window_days", "minimum_rows"):
        if cells[name] and not (cells[name].isascii() and cells[name].isdigit()):
            yield f"{name} is `{cells[name]}`. Write a whole number, or leave it empty."
    if cells["window_days"].isdigit() and not 1 <= int(cells["window_days"]) <= 365:
        yield f"window_days is {cells['window_days']}. Write a number of days from 1 to 365."
    for name in kind.uses:
        if not cells[name]:
            yield f"{name} is empty. This check compares days: say how many."
    for name in ("owner", "what_to_do"):
        if not cells[name]:
            yield f"{name} is empty. Say who acts, and how, when the check fails."


def is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def check_of(cells: dict[str, str]) -> Check:
    return Check(
        check_name=cells["check_name"],
        boundary=cells["boundary"],
        table_name=cells["table_name"],
        column_name=cells["column_name"] or None,
        severity=cells["severity"],
        minimum=float(cells["minimum"]) if cells["minimum"] else None,
        maximum=float(cells["maximum"]) if cells["maximum"] else None,
        window_days=int(cells["window_days"]) if cells["window_days"] else None,
        minimum_rows=int(cells["minimum_rows"] or 0),
        owner=cells["owner"],
        what_to_do=cells["what_to_do"],
    )
