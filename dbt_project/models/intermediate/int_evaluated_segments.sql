-- Segments that accounts are members of, or may be: one row per configuration, health date,
-- account and such segment. The chosen one is the first by priority of those the account is a
-- member of and that have a health configuration.
with

accounts as (

    select *
    from {{ ref('int_evaluated_accounts') }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}

),

segments as (

    select * from {{ ref('configured_segments') }}

),

conditions as (

    select * from {{ ref('segment_conditions') }}

),

clauses as (

    select
        configuration_key,
        health_date,
        account_id,
        segment_id,
        clause,
        min({{ truth_level('is_met') }}) as truth_level
    from conditions
    group by configuration_key, health_date, account_id, segment_id, clause

),

answers as (

    select
        configuration_key,
        health_date,
        account_id,
        segment_id,
        max(truth_level) as truth_level
    from clauses
    group by configuration_key, health_date, account_id, segment_id

    union all

    -- Every account belongs to the default segment.
    select
        accounts.configuration_key,
        accounts.health_date,
        accounts.account_id,
        segments.segment_id,
        2 as truth_level
    from accounts
    inner join segments
        on accounts.configuration_key = segments.configuration_key
        and segments.is_default

),

memberships as (

    select
        answers.configuration_key,
        answers.health_date,
        answers.account_id,
        answers.segment_id,
        segments.priority,
        case when answers.truth_level = 2 then 'member' else 'unknown' end as membership,
        min(
            case
                when answers.truth_level = 2 and segments.has_health_configuration
                    then segments.priority
            end
        ) over (
            partition by answers.configuration_key, answers.health_date, answers.account_id
        ) as chosen_priority
    from answers
    inner join segments
        on answers.configuration_key = segments.configuration_key
        and answers.segment_id = segments.segment_id
    where answers.truth_level > 0

)

select
    configuration_key,
    health_date,
    account_id,
    segment_id,
    cast(priority as integer) as priority,
    membership,
    membership = 'member' and coalesce(priority = chosen_priority, false) as is_chosen
from memberships
