"""The lint of the configuration: rows that are valid and yet do nothing, or not what they seem to.

It is validated by what the configuration did to the accounts, on the last date of a run and the
days before it. It reads schema `health` only, so that it works on a published copy as well; but
which columns no raw file has is said by the warehouse alone.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from expectations.checks import Check, number_text
from orchestration.warehouse.configuration import Configuration
from orchestration.warehouse.connections import Warehouse

SAMPLED_ACCOUNTS = 5000  # a sample of that many tells what a condition does
Record = dict[str, object]
Span = dict[str, date]
Named = tuple[str, float, str]  # a record's key, its figure, and the evidence

# One row per condition of the pillars: whom it concerns, who meets it, where its threshold lies.
CONDITIONS = """
    with size as (
        select greatest(1, count(*) // $accounts) as one_in
        from health.account_health_history
        where health_date = $day
    ),
    answers as (
        select
            explanations.*,
            try_cast(observed as double) as observed_number,
            try_cast(resolved_threshold as double) as threshold_number,
        from health.health_explanations as explanations
        cross join size
        where
            health_date > $from_day
            and health_date <= $day
            and hash(account_id) % one_in = 0
    ),
    observed as (
        select signal_id, min(observed_number) as lowest, max(observed_number) as highest
        from answers
        where gap is not null
        group by signal_id
    )
    select
        segment_id || ' ' || pillar_id || ' ' || rule_set || ' ' || coalesce(clause || ': ', '')
        || answers.signal_id || ' ' || operator || ' ' || threshold
        || coalesce(' x ' || scaled_by, '') as record_key,
        count(distinct account_id) as accounts,
        count(distinct account_id) filter (is_met is not null) as known,
        count(distinct account_id) filter (is_met) as met,
        avg(case when is_met then 1 when not is_met then 0 end) as met_share,
        avg(case when is_met is null then 1 else 0 end) as missing_share,
        any_value(operator) = 'linear' as is_linear,
        any_value(observed.lowest) as lowest,
        any_value(observed.highest) as highest,
        min(threshold_number) filter (gap is not null) as threshold_from,
        max(threshold_number) filter (gap is not null) as threshold_to,
    from answers
    left join observed on answers.signal_id = observed.signal_id
    where rule_set <> 'segment'
    group by record_key
    order by record_key
"""
# One row per segment and pillar: accounts, and the shares that are good and poor, or have no score.
PILLARS = """
    select
        segment_id,
        pillar_id,
        count(distinct account_id) as accounts,
        avg(case when good_matched and poor_matched then 1 else 0 end) as overlap,
        avg(case when score is null then 1 else 0 end) as without_score,
        string_agg(distinct reason, ', ' order by reason) as reasons,
    from health.pillar_health_history
    where health_date > $from_day and health_date <= $day
    group by segment_id, pillar_id
    order by segment_id, pillar_id
"""
# One row per segment: how many accounts it was chosen for, and what its other members were given.
SEGMENTS_REACHED = """
    with chosen as (
        select health_date, account_id, segment_id
        from health.segment_membership
        where is_chosen and health_date > $from_day and health_date <= $day
    )
    select
        membership.segment_id,
        count(distinct membership.account_id) filter (membership.is_chosen) as accounts,
        count(distinct membership.account_id) filter (membership.membership = 'member') as members,
        string_agg(distinct chosen.segment_id, ', ' order by chosen.segment_id)
            filter (chosen.segment_id <> membership.segment_id) as given,
    from health.segment_membership as membership
    left join chosen
        on membership.health_date = chosen.health_date
        and membership.account_id = chosen.account_id
    where membership.health_date > $from_day and membership.health_date <= $day
    group by membership.segment_id
"""
# Columns of tables that are there, that no file has and that a metric needs.
ABSENT_COLUMNS = """
    select metric_id, table_name || '.' || column_name
    from intermediate.int_unmeasured_metrics
    where column_name is not null
    order by all
"""
VERSION = """
    select any_value(config_version), count(*)
    from health.account_health_history
    where health_date = $day
"""
# The last of the days before that another configuration was used on.
OTHER_VERSION = """
    select max(health_date)
    from health.account_health_history
    where health_date > $from_day and health_date < $day and config_version <> $version
"""


def lint_records(warehouse: Warehouse, check: Check, day: date) -> list[Record]:
    """Figures of a lint on a date: by segment, pillar or condition; none without accounts."""
    [(version, accounts)] = warehouse.rows(VERSION, day=day)
    if not accounts:
        return []
    from_day = day - timedelta(days=check.window_days or 0)
    [(other,)] = warehouse.rows(OTHER_VERSION, from_day=from_day, day=day, version=version)
    span = {"from_day": other or from_day, "day": day}
    configuration = Configuration.of_version(warehouse.connection, version)
    found: Iterable[tuple[str, float, str]]
    if check.check_name == "columns_there":
        found = columns_there(warehouse, configuration)
    elif check.check_name == "segment_reached":
        found = segments(warehouse, configuration, span) if accounts >= check.minimum_rows else ()
    elif check.check_name == "rules_overlap":
        found = overlaps(warehouse, check, span)
    elif check.check_name == "weight_without_score":
        found = weights(warehouse, check, configuration, span)
    else:
        found = conditions(warehouse, check, span)
    return [
        {"health_date": day, "record_key": key, check.title: number, "detail": detail}
        for key, number, detail in found
    ]


def columns_there(warehouse: Warehouse, configuration: Configuration) -> Iterator[Named]:
    """Columns that each metric misses. A published copy does not say."""
    if not warehouse.has("intermediate.int_unmeasured_metrics"):
        return
    absent: dict[str, list[str]] = {}
    for metric, column in warehouse.rows(ABSENT_COLUMNS):
        absent.setdefault(metric, []).append(column)
    for metric in configuration.metrics:
        columns = absent.get(metric, [])
        yield metric, len(columns), f"no file has {', '.join(columns)}"


def segments(warehouse: Warehouse, configuration: Configuration, span: Span) -> Iterator[Named]:
    """Accounts that each segment with a health configuration was chosen for."""
    found = {segment: numbers for segment, *numbers in warehouse.rows(SEGMENTS_REACHED, **span)}
    configured = {
        str(row["segment_id"])
        for file in ("health_rules", "score_rules")
        for row in configuration.rows(file)
    }
    for segment in sorted(configured):
        accounts, members, given = found.get(segment, (0, 0, None))
        yield (
            segment,
            accounts,
            f"its {members} members were all given {given}" if given else "it has no members",
        )


def overlaps(warehouse: Warehouse, check: Check, span: Span) -> Iterator[Named]:
    for segment, pillar, accounts, overlap, _, _ in warehouse.rows(PILLARS, **span):
        if accounts >= check.minimum_rows:
            yield f"{segment} {pillar}", overlap, f"{accounts} accounts"


def weights(
    warehouse: Warehouse, check: Check, configuration: Configuration, span: Span
) -> Iterator[Named]:
    found = {
        (segment, pillar): numbers for segment, pillar, *numbers in warehouse.rows(PILLARS, **span)
    }
    for row in configuration.rows("pillar_weights"):
        segment, pillar = row["segment_id"], row["pillar_id"]
        accounts, _, without_score, reasons = found.get((segment, pillar), (0, 0, 0, None))
        if accounts >= check.minimum_rows:
            yield (
                f"{segment} {pillar}",
                without_score,
                f"{accounts} accounts; weight {row['weight']}"
                + (f"; {reasons}" if reasons else ""),
            )


def conditions(warehouse: Warehouse, check: Check, span: Span) -> Iterator[Named]:
    rows = warehouse.rows(CONDITIONS, accounts=SAMPLED_ACCOUNTS, **span)
    for row in rows:
        key, accounts, known, met, met_share, missing, is_linear, *observed = row
        lowest, highest, first, last = observed
        counted = accounts if check.check_name == "signal_missing" else known
        if counted < check.minimum_rows:
            continue
        if check.check_name == "met_share":
            if is_linear and not met:
                continue  # That nobody is at an end of a linear rule says nothing against it.
            yield key, met_share, f"met by {met} of {known} accounts with an answer"
        elif check.check_name == "signal_missing":
            yield key, missing, f"{known} of {accounts} accounts have an answer"
        elif first is not None and highest > lowest:
            beyond = max(first - highest, lowest - last, 0) / (highest - lowest)
            yield key, beyond, f"observed {number_text(lowest)} to {number_text(highest)}"
