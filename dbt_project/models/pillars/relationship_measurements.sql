-- What touchpoints and nps answers count for (docs/measures.md, "Touchpoints and survey
-- responses"). One row per health date, account, metric and operand that has any.
{% for step in long_steps_of_health_dates() -%}
{{ step.opening }}
with

touchpoints as (

    select
        account_id,
        user_id,
        channel,
        cast(occurred_at as date) as occurred_on
    from {{ ref('stg_touchpoints') }}

),

nps as (

    select
        account_id,
        score,
        cast(responded_at as date) as responded_on,
        cast(lead(responded_at) over (
            partition by account_id
            order by responded_at, response_id
        ) as date) as next_on
    from {{ ref('stg_survey_responses') }}
    where kind = 'nps'

),

occurrences as (

    select
        account_id,
        'touchpoints' as operand,
        occurred_on as known_on,
        occurred_on as window_on,
        cast(null as date) as ends_on,
        cast(null as double) as amount,
        cast(null as date) as day,
        channel as dimension_value
    from touchpoints

    union all

    select
        account_id,
        'days_since_last_touchpoint' as operand,
        occurred_on as known_on,
        cast(null as date) as window_on,
        cast(null as date) as ends_on,
        cast(null as double) as amount,
        occurred_on as day,
        channel as dimension_value
    from touchpoints

    union all

    -- The mean of 100 for a promoter, -100 for a detractor and 0 for the others is the nps.
    select
        account_id,
        'nps' as operand,
        responded_on as known_on,
        responded_on as window_on,
        cast(null as date) as ends_on,
        case when score >= 9 then 100 when score <= 6 then -100 else 0 end as amount,
        cast(null as date) as day,
        cast(null as {{ dbt.type_string() }}) as dimension_value
    from nps

    union all

    select
        account_id,
        'nps_latest' as operand,
        responded_on as known_on,
        responded_on as window_on,
        next_on as ends_on,
        score as amount,
        cast(null as date) as day,
        cast(null as {{ dbt.type_string() }}) as dimension_value
    from nps

),

-- Apart, because distinct things of each group are the most work.
contacts as (

    select
        account_id,
        'people_contacted' as operand,
        occurred_on as known_on,
        occurred_on as window_on,
        cast(null as date) as ends_on,
        user_id as thing,
        channel as dimension_value
    from touchpoints
    where user_id is not null

)

{{ fold_occurrences(step, aggregates=['count', 'mean', 'max', 'days_since_last']) }}

union all

{{ fold_occurrences(step, aggregates=['distinct'], relation='contacts') }}
{{ step.closing }}
{%- endfor %}
