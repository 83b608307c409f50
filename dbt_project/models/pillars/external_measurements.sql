-- What tags, risk assessments and pulse answers count for (docs/measures.md, "Tags and risk
-- assessments"). One row per health date, account, metric and operand that has any.
{% for step in long_steps_of_health_dates() -%}
{{ step.opening }}
with

tags as (

    select
        account_id,
        tag,
        kind,
        cast(added_at as date) as added_on,
        cast(removed_at as date) as removed_on
    from {{ ref('stg_account_tags') }}

),

risk_assessments as (

    select
        account_id,
        risk_score,
        cast(assessed_at as date) as assessed_on,
        cast(lead(assessed_at) over (
            partition by account_id
            order by assessed_at, assessment_id
        ) as date) as next_on
    from {{ ref('stg_risk_assessments') }}

),

pulses as (

    select
        account_id,
        score,
        cast(responded_at as date) as responded_on,
        cast(lead(responded_at) over (
            partition by account_id
            order by responded_at, response_id
        ) as date) as next_on
    from {{ ref('stg_survey_responses') }}
    where kind = 'pulse'

),

occurrences as (

    select
        account_id,
        case kind when 'risk' then 'risk_tags' else 'confidence_tags' end as operand,
        added_on as known_on,
        cast(null as date) as window_on,
        removed_on as ends_on,
        cast(null as double) as amount,
        tag as thing,
        tag as dimension_value
    from tags
    where kind in ('risk', 'confidence')

    union all

    select
        account_id,
        'risk_score' as operand,
        assessed_on as known_on,
        assessed_on as window_on,
        next_on as ends_on,
        risk_score as amount,
        cast(null as {{ dbt.type_string() }}) as thing,
        cast(null as {{ dbt.type_string() }}) as dimension_value
    from risk_assessments

    union all

    select
        account_id,
        'pulse' as operand,
        responded_on as known_on,
        responded_on as window_on,
        next_on as ends_on,
        score as amount,
        cast(null as {{ dbt.type_string() }}) as thing,
        cast(null as {{ dbt.type_string() }}) as dimension_value
    from pulses

)

{{ fold_occurrences(step, aggregates=['max', 'distinct']) }}
{{ step.closing }}
{%- endfor %}
