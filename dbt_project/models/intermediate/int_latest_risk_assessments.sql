-- The latest risk assessment before the latest health date: one row per account that has any.
with

accounts as (

    {{ latest_accounts() }}

),

assessments as (

    select
        accounts.health_date,
        accounts.account_id,
        assessments.risk_score,
        assessments.assessed_at,
        assessments.author,
        assessments.note,
        row_number() over (
            partition by accounts.account_id
            order by assessments.assessed_at desc, assessments.assessment_id desc
        ) as position
    from accounts
    inner join {{ ref('stg_risk_assessments') }} as assessments
        on accounts.account_id = assessments.account_id
        and accounts.health_date > cast(assessments.assessed_at as date)

)

select
    health_date,
    account_id,
    risk_score,
    assessed_at,
    author,
    note
from assessments
where position = 1
