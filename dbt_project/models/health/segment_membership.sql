{{ config(materialized='incremental', incremental_strategy='replace_health_dates') }}
-- Segments that an account is a member of, or may be, on a health date. The chosen one is the first
-- by priority of those it is a member of and that have a health configuration.
with

accounts as (

    select * from {{ ref('int_accounts_by_health_date') }}

),

segments as (

    select * from {{ ref('config_segments') }}

),

clauses as (

    select
        health_date,
        account_id,
        segment_id,
        clause,
        min({{ truth_level('is_met') }}) as truth_level
    from {{ ref('segment_conditions') }}
    group by health_date, account_id, segment_id, clause

),

answers as (

    select
        health_date,
        account_id,
        segment_id,
        max(truth_level) as truth_level
    from clauses
    group by health_date, account_id, segment_id

    union all

    -- Every account belongs to the default segment.
    select
        accounts.health_date,
        accounts.account_id,
        segments.segment_id,
        2 as truth_level
    from accounts
    inner join segments on segments.is_default

),

memberships as (

    select
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
        ) over (partition by answers.health_date, answers.account_id) as chosen_priority
    from answers
    inner join segments on answers.segment_id = segments.segment_id
    where answers.truth_level > 0

)

select
    health_date,
    account_id,
    segment_id,
    cast(priority as integer) as priority,
    membership,
    membership = 'member' and coalesce(priority = chosen_priority, false) as is_chosen
from memberships
