"""`health portfolio`: each success manager's accounts, and whom to call first."""

from datetime import timedelta
from pathlib import Path

import click

from orchestration.base.figures import shown_score
from orchestration.base.settings import Settings
from orchestration.insight import distance
from orchestration.insight.accounts import Connection, history_dates
from orchestration.insight.conditions import Condition
from orchestration.insight.explanation import Explanation, explanation_of
from orchestration.insight.options import MARKDOWN, report_console
from orchestration.insight.report import Report, money
from orchestration.insight.states import HEADINGS
from orchestration.warehouse.published import reading_published

RECENT_DAYS = 14  # a fall within so many days is worth a call, poor or not

PORTFOLIOS = """
    select
        coalesce(csm_email, 'nobody') as owner,
        count(*),
        count(*) filter (overall_state = 'good'),
        count(*) filter (overall_state = 'average'),
        count(*) filter (overall_state = 'poor'),
        count(*) filter (overall_state = 'not_calculated'),
        sum(mrr),
        sum(mrr) filter (overall_state = 'poor')
    from health.account_health
    group by owner
    order by owner
"""
# Poor accounts, and those that fell lately; those that matter most first.
CALLS = """
    with previous as (
        select account_id, overall_state
        from health.account_health_history
        where health_date = (
            select max(health_date)
            from health.account_health_history
            where health_date <= $recent
        )
    )
    select
        accounts.account_id,
        accounts.account_name,
        accounts.overall_state,
        accounts.state_since,
        accounts.overall_score,
        accounts.mrr,
        accounts.worst_pillar_id
    from health.account_health as accounts
    left join previous on accounts.account_id = previous.account_id
    where
        coalesce(accounts.csm_email, 'nobody') = $owner
        and (
            accounts.overall_state = 'poor'
            or (accounts.overall_state = 'average' and previous.overall_state = 'good')
        )
    order by
        accounts.overall_state = 'poor' desc,
        accounts.mrr desc nulls last,
        accounts.account_id
    limit $limit
"""


@click.command()
@click.option("--csm", help="Only this success manager (the address, or how it begins).")
@click.option("--limit", default=5, show_default=True, help="Accounts to call, a manager.")
@click.option("--markdown", type=MARKDOWN, help="Also write the report here.")
def portfolio(csm: str | None, limit: int, markdown: Path | None) -> None:
    """Show each success manager's accounts, and whom to call first and why.

    To call: poor accounts, then those that fell from good within two weeks, by MRR.

    \b
    Examples:
      health portfolio
      health portfolio --csm ines --limit 10
    """
    console = report_console()
    with reading_published(Settings.from_environment()) as connection:
        report = report_of(connection, csm, limit)
    report.print(console)
    if markdown:
        report.write_markdown(markdown)
        console.print(f"\nWrote {markdown}")


def report_of(connection: Connection, csm: str | None, limit: int) -> Report:
    day = history_dates(connection)[-1]
    portfolios = connection.execute(PORTFOLIOS).fetchall()
    chosen = [row for row in portfolios if csm is None or row[0].startswith(csm)]
    if not chosen:
        owners = ", ".join(row[0] for row in portfolios)
        raise click.ClickException(f"Nobody named {csm!r} has accounts. There are: {owners}.")
    report = Report(f"Portfolios on {day}")
    report.add(
        "Accounts by state, and monthly revenue",
        ("manager", "accounts", *HEADINGS, "MRR", "of it poor"),
        (
            (owner, *(f"{count:,}" for count in counts), money(mrr), money(poor or 0))
            for owner, *counts, mrr, poor in chosen
        ),
        numbers=tuple(range(1, 8)),
    )
    for owner, *_ in chosen:
        calls = connection.execute(
            CALLS, {"owner": owner, "limit": limit, "recent": day - timedelta(days=RECENT_DAYS)}
        ).fetchall()
        report.add(
            f"{owner}: whom to call",
            ("account", "state", "since", "score", "MRR", "worst pillar", "because", "to better"),
            (
                (
                    f"{name} ({account})",
                    state,
                    str(since),
                    shown_score(score),
                    money(mrr),
                    pillar or "",
                    *reasons(explanation_of(connection, account, day, is_whole=False), pillar),
                )
                for account, name, state, since, score, mrr, pillar in calls
            ),
            numbers=(3, 4),
            is_prose=True,
        )
        if not calls:
            report.say(f"{owner} has nobody to call: none is poor, none fell lately.")
    return report


def reasons(explanation: Explanation, pillar: str | None) -> tuple[str, str]:
    """Why the worst pillar is as it is, and the nearest way to better."""
    if pillar is None:
        return "", ""
    segment = explanation.overall.segment_id or ""
    conditions = [c for c in explanation.conditions if c.pillar_id == pillar]
    facts = distance.Pillar(
        state=explanation.pillars[pillar].calculated_state,
        conditions=tuple(conditions),
        weights=explanation.configuration.score_weights(segment, pillar),
        bands=explanation.configuration.bands(segment),
    )
    better = distance.to_better(facts)
    return because(facts, conditions), better.text() if better else ""


def because(facts: distance.Pillar, conditions: list[Condition]) -> str:
    """The poor clauses that hold; for a pillar with scores only, what gives no more than a poor
    pillar has."""
    holding = [clause for clause in facts.clauses("poor") if distance.holds(clause)]
    if holding:
        return "; ".join(" and ".join(c.text() for c in clause) for clause in holding)
    bands = [
        c.text() for c in conditions if c.rule_set == "poor_band" and c.is_met and not c.is_linear
    ]
    linear = [
        rule["healthy"].text()
        for rule in facts.rules.values()
        if distance.is_linear(rule)
        and (points := distance.linear_points(rule)) is not None
        and distance.state_of(points, facts.bands) == "poor"
    ]
    return "; ".join(bands + linear)
