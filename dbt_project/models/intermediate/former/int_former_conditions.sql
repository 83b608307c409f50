-- The conditions of the date before the run, evaluated once more for changed accounts whose
-- explanations of that date are not kept any more: one row per health date, account and condition.
with

pairs as (

    select
        accounts.health_date,
        accounts.account_id,
        conditions.*
    from {{ ref('int_former_accounts') }} as accounts
    inner join {{ ref('account_health_history') }} as history
        on accounts.health_date = history.health_date
        and accounts.account_id = history.account_id
    inner join {{ ref('former_conditions') }} as conditions
        on history.segment_id = conditions.segment_id
    where
        accounts.health_date < {{ first_health_date() }}
        and conditions.rule_set in ('good', 'poor', 'healthy', 'poor_band')

),

results as (

    {{ evaluated_conditions('pairs', 'former', step=none) }}

)

{{ described_conditions('results', 'former') }}
