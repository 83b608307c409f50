"""States: the shown states of overall and every pillar in one shape, as queries of the history."""

# One row per health date, account and pillar or `overall`.
STATES = """
    select
        health_date, account_id, 'overall' as pillar_id, segment_id, csm_email, mrr,
        overall_state as state
    from health.account_health_history
    union all
    select
        pillars.health_date, pillars.account_id, pillars.pillar_id, pillars.segment_id,
        accounts.csm_email, accounts.mrr, pillars.state
    from health.pillar_health_history as pillars
    inner join health.account_health_history as accounts
        on pillars.health_date = accounts.health_date
        and pillars.account_id = accounts.account_id
"""
ALL_STATES = ("good", "average", "poor", "not_calculated")
HEADINGS = tuple(state.replace("_", " ") for state in ALL_STATES)
COLOURS = {"good": "green", "average": "yellow", "poor": "red", "not_calculated": "dim"}
