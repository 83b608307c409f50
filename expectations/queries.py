"""What the queries of the checks share: the dates they ask for, and the checks of a boundary."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from expectations.checks import Check, load_checks
from orchestration.base.dbt_project import catalogue
from orchestration.raw_reader.definitions import raw_definitions

DATES_PER_QUERY = 200


def checks_of(boundary: str) -> tuple[Check, ...]:
    """The checks of a boundary. Raises WrongChecks for a wrong row of any boundary."""
    tables = {name: list(table.columns) for name, table in raw_definitions().items()}
    checks = load_checks(tables, {row["measure"] for row in catalogue("measures")})
    return tuple(check for check in checks if check.boundary == boundary)


def in_steps(dates: Sequence[date]) -> Iterator[Sequence[date]]:
    """The dates, as many at a time as one query is asked for, to bound the memory it takes."""
    for start in range(0, len(dates), DATES_PER_QUERY):
        yield dates[start : start + DATES_PER_QUERY]


def days_asked(dates: Sequence[date], window: int) -> dict[str, object]:
    """The dates and the days that they look back on, as the queries name them."""
    return {
        "days": dates,
        "from_day": dates[0] - timedelta(days=window),
        "to_day": dates[-1],
        "window": window,
    }
