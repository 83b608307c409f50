"""States over time: accounts and MRR by state on dates, and what went where between two of them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from orchestration.warehouse.published import Row

# Segments and managers are those of each day; analysis segments too, in which an account counts
# once for each that it is a member of.
PANELS = {
    "": "'All accounts'",
    "segment": "coalesce(history.segment_id, 'none')",
    "analysis": "memberships.segment_id",
    "manager": "coalesce(history.csm_email, 'nobody')",
}
BESIDE = (
    " inner join health.{table} as {alias} on history.health_date = {alias}.health_date"
    " and history.account_id = {alias}.account_id"
)
FLOWS = """
    with earlier as ({of_date}), later as ({of_date}),
    causes as (
        select account_id, arg_max(cause, health_date) as cause
        from health.health_changes
        where pillar_id = ? and health_date > ? and health_date <= ?
        group by account_id
    ),
    states as (
        select
            account_id, coalesce(later.mrr, earlier.mrr) as mrr,
            coalesce(earlier.state, 'not there') as from_state,
            coalesce(later.state, 'not there') as to_state
        from earlier full outer join later using (account_id)
    ),
    flows as (
        select
            from_state, to_state, mrr,
            case
                when from_state = to_state then 'unchanged'
                when from_state = 'not there' then 'came'
                when to_state = 'not there' then 'left'
                else cause
            end as cause
        from states left join causes using (account_id)
    )
    select from_state, to_state, cause, count(*) as accounts, sum(mrr) as mrr
    from flows
    group by from_state, to_state, cause
    order by cause is not distinct from 'unchanged', accounts desc, from_state, to_state, cause
"""


def last_of_periods(dates: list[date], period: str) -> list[date]:
    """The last health date of each period: of each month, week or day."""
    last: dict[tuple[int, ...], date] = {}
    for one in sorted(dates):
        key = {
            "month": (one.year, one.month),
            "week": one.isocalendar()[:2],
            "day": (one.toordinal(),),
        }[period]
        last[key] = one
    return sorted(last.values())


@dataclass(frozen=True)
class StatesOverTime:
    """The states of a pillar, or overall, of some accounts, by what a panel is for.

    rows: asks what is published. where: a condition on `health.account_health as accounts`, with
    its values.
    """

    rows: Callable[[str, list[Any]], list[Row]]
    pillar: str = "overall"
    panel: str = ""
    where: str = "true"
    values: list[Any] = field(default_factory=list)

    @property
    def state(self) -> str:
        return "history.overall_state" if self.pillar == "overall" else "pillars.state"

    def history(self, condition: str, values: list[Any]) -> tuple[str, list[Any]]:
        """From where all is read, under a condition. Without a filter those that have left count on
        the dates on which they were there."""
        joins, of_joins = "health.account_health_history as history", []
        if self.pillar != "overall":
            joins += BESIDE.format(table="pillar_health_history", alias="pillars")
            joins += " and pillars.pillar_id = ?"
            of_joins = [self.pillar]
        if self.panel == "analysis":
            joins += BESIDE.format(table="segment_membership", alias="memberships")
            joins += " and memberships.membership = 'member'"
        if self.where != "true":
            sql = f"select account_id from health.account_health as accounts where {self.where}"
            condition += f" and history.account_id in ({sql})"
        return f"{joins} where {condition}", [*of_joins, *values, *self.values]

    def by_date(self, dates: list[date]) -> list[Row]:
        """Accounts and MRR by health date, panel and state."""
        listed = ", ".join(f"date '{one}'" for one in dates)
        condition = f"history.health_date in ({listed})"
        if self.where == "true" and self.panel != "analysis":
            # What each night counts already: a thousandth of the rows.
            state, accounts = "history.state", "cast(sum(history.accounts) as bigint)"
            rows = "health.portfolio_health_history as history where history.pillar_id = ? and "
            rows, values = rows + condition, [self.pillar]
        else:
            state, accounts = self.state, "count(*)"
            rows, values = self.history(condition, [])
        return self.rows(
            f"select history.health_date, {PANELS[self.panel]} as panel, {state} as state,"
            f" {accounts} as accounts, coalesce(sum(history.mrr), 0) as mrr"
            f" from {rows} group by all order by all",
            values,
        )

    def flows(self, first: date, last: date) -> list[Row]:
        """From which state to which, with the cause of the latest change between the dates."""
        whole = replace(self, panel="")
        rows, before = whole.history("history.health_date = ?", [first])
        _, after = whole.history("history.health_date = ?", [last])
        of_date = f"select history.account_id, {self.state} as state, history.mrr from {rows}"
        return self.rows(FLOWS.format(of_date=of_date), [*before, *after, self.pillar, first, last])

    def listed(self, day: date, state: str, panel: str) -> list[Row]:
        """The accounts of one bar, the largest first; of all panels where `panel` is empty."""
        condition, asked = f"history.health_date = ? and {self.state} = ?", [day, state]
        if panel:
            condition += f" and {PANELS[self.panel]} = ?"
            asked.append(panel)
        rows, values = self.history(condition, asked)
        return self.rows(
            f"select history.*, names.account_name from (select history.* from {rows}) as history"
            " left join health.account_churn as names on history.account_id = names.account_id"
            " order by history.mrr desc nulls last, history.account_id limit 1000",
            values,
        )
