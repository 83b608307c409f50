"""The states of the floor: the starter configuration written out as one SQL statement.

Each segment and pillar becomes an expression over one wide row per account, as somebody would write
it by hand who needs these rules only: no row per condition, nothing that explains a state.
"""

import csv
from collections import defaultdict
from pathlib import Path

from orchestration.base.dbt_project import configuration_files

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
TEXTS = {"lifecycle_stage", "plan_id", "is_seasonal", "has_executive_sponsor", "is_kickoff_held"}

Row = dict[str, str]


def rows(file: str) -> list[Row]:
    with (SEEDS / f"{file}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def default_of(column: str) -> str:
    """The band of a segment that names none."""
    return str(configuration_files()["segments"].columns[column]["default"])


def condition(signal: str, operator: str, threshold: str, scaled_by: str = "") -> str:
    """One condition; null where it is unknown. Of the operators of texts and tags, those in use."""
    if signal == "tag":
        return f"list_has_any(tag, {threshold.split('|')})"
    if signal in TEXTS:
        return f"{signal} {operator} '{threshold}'"
    scaled = f"{threshold} * {scaled_by}" if scaled_by else threshold
    return f"round({signal}, 6) {operator} round({scaled}, 6)"


def of_rule(rule: Row) -> str:
    threshold = rule.get("threshold") or rule["value"]
    return condition(rule["signal_id"], rule["operator"], threshold, rule.get("scaled_by", ""))


def clauses(rules: list[Row]) -> str:
    """Conditions of a clause joined by `and`, clauses by `or`."""
    by_clause = defaultdict(list)
    for rule in rules:
        by_clause[rule["clause"]].append(of_rule(rule))
    joined = [" and ".join(conditions) for conditions in by_clause.values()]
    return f"coalesce({' or '.join(f'({clause})' for clause in joined)}, false)"


def any_known(conditions: list[str]) -> str:
    return f"({' or '.join(f'({one}) is not null' for one in conditions)})"


def cases(by_segment: dict[str, str]) -> str:
    """The expression of the account's segment; null for a segment without one."""
    whens = " ".join(f"when '{segment}' then {sql}" for segment, sql in by_segment.items())
    return f"case segment_id {whens} end" if whens else "null"


def states_sql(metrics: str) -> str:
    """The states on the rows of `metrics`: one row per account, with `segment_id`, `overall_state`
    and `overall_score`, and `<pillar>_state` and `<pillar>_score` of each pillar."""
    segments = sorted(rows("segments"), key=lambda row: int(row["priority"]))
    pillars = [row["pillar_id"] for row in rows("pillars")]
    no_data = {row["pillar_id"]: row["when_no_data"] for row in rows("pillars")}
    segment_rules, health = defaultdict(list), defaultdict(list)
    for rule in rows("segment_rules"):
        segment_rules[rule["segment_id"]].append(rule)
    for rule in rows("health_rules"):
        health[rule["segment_id"], rule["pillar_id"], rule["state"]].append(rule)
    scores = defaultdict(list)
    for rule in rows("score_rules"):
        scores[rule["segment_id"], rule["pillar_id"]].append(rule)
    configured = {key[0] for key in (*health, *scores)}

    chosen = " ".join(
        f"when {clauses(segment_rules[row['segment_id']])} then '{row['segment_id']}'"
        if segment_rules[row["segment_id"]]
        else f"when true then '{row['segment_id']}'"
        for row in segments
        if row["segment_id"] in configured
    )
    columns, states = [], []
    for pillar in pillars:
        poor, good, known, score = {}, {}, {}, {}
        for row in segments:
            segment = row["segment_id"]
            rules = {state: health[segment, pillar, state] for state in ("good", "poor")}
            conditions = [of_rule(rule) for state in rules.values() for rule in state]
            if conditions:
                known[segment] = any_known(conditions)
                poor[segment] = clauses(rules["poor"]) if rules["poor"] else "false"
                good[segment] = clauses(rules["good"]) if rules["good"] else "false"
            if scores[segment, pillar]:
                points = [(points_of(rule), rule["weight"]) for rule in scores[segment, pillar]]
                given = " + ".join(f"coalesce({one} * {weight}, 0)" for one, weight in points)
                weights = " + ".join(
                    f"case when {one} is null then 0 else {weight} end" for one, weight in points
                )
                score[segment] = f"({given}) / nullif({weights}, 0)"
                known.setdefault(segment, f"({score[segment]}) is not null")
        columns += [
            f"{cases(known)} as {pillar}_known",
            f"{cases(poor)} as {pillar}_poor",
            f"{cases(good)} as {pillar}_good",
            f"{cases(score)} as {pillar}_points",
        ]
        is_scored = f"segment_id in ({', '.join(f'{one!r}' for one in score) or 'null'})"
        states += [
            f"""case
                when is_created_today or {pillar}_known is null then 'not_calculated'
                when not {pillar}_known and '{no_data[pillar]}' = 'not_calculated'
                    then 'not_calculated'
                when {pillar}_poor then 'poor'
                when {pillar}_good then 'good'
                when {pillar}_poor is not null then 'average'
                when {pillar}_points >= good_from then 'good'
                when {pillar}_points < poor_below then 'poor'
                else 'average'
            end as {pillar}_state""",
            f"""case
                when {pillar}_state = 'not_calculated' then null
                when {is_scored} then {pillar}_points
                when not {pillar}_known then null
                when {pillar}_state = 'good' then 10
                when {pillar}_state = 'poor' then 0
                else 5
            end as {pillar}_score""",
        ]
    bands = {
        name: cases({row["segment_id"]: row[name] or default_of(name) for row in segments})
        for name in ("good_from", "poor_below")
    }
    weighed, weights, caps = [], [], []
    for pillar in pillars:
        of_pillar = [row for row in rows("pillar_weights") if row["pillar_id"] == pillar]
        weight = cases({row["segment_id"]: row["weight"] for row in of_pillar})
        cap = cases({row["segment_id"]: row["cap_when_poor"] or "null" for row in of_pillar})
        named = sorted({row["segment_id"] for row in rows("pillar_weights")})
        is_weighed = f"segment_id in ({', '.join(f'{one!r}' for one in named)})"
        alike = f"case when {is_weighed} then {weight} when {pillar}_known is not null then 1 end"
        weighed.append(f"coalesce({pillar}_score * ({alike}), 0)")
        weights.append(f"case when {pillar}_score is null then 0 else coalesce({alike}, 0) end")
        caps.append(f"case when {pillar}_state = 'poor' then {cap} end")
    score = f"({' + '.join(weighed)}) / nullif({' + '.join(weights)}, 0)"
    lowest_cap = f"least({', '.join(caps)})"
    return f"""
        with chosen as (select *, case {chosen} end as segment_id from {metrics}),
        evaluated as (
            select
                *,
                {bands["good_from"]} as good_from,
                {bands["poor_below"]} as poor_below,
                {", ".join(columns)}
            from chosen
        ),
        states as (select *, {", ".join(states)} from evaluated),
        overall as (select *, least({score}, {lowest_cap}) as overall_score from states)
        select
            account_id,
            segment_id,
            overall_score,
            case
                when is_created_today or overall_score is null then 'not_calculated'
                when overall_score >= good_from then 'good'
                when overall_score < poor_below then 'poor'
                else 'average'
            end as overall_state,
            {", ".join(f"{pillar}_state, {pillar}_score" for pillar in pillars)}
        from overall
    """


def points_of(rule: Row) -> str:
    """10, 5 or 0 points of a score rule; null where nothing is known."""
    healthy, poor = (
        condition(rule["signal_id"], rule[f"{band}_operator"], threshold, rule["scaled_by"])
        if (threshold := rule[f"{band}_threshold"])
        else "null"
        for band in ("healthy", "poor")
    )
    return (
        f"(case when {healthy} then 10 when {poor} then 0 "
        f"when ({healthy}) is null and ({poor}) is null then null else 5 end)"
    )
