-- What tickets count for (docs/measures.md, "Tickets"). One row per health date, account, metric
-- and operand that has any.
{% for step in long_steps_of_health_dates() -%}
{{ step.opening }}
with

tickets as (

    select
        *,
        cast(created_at as date) as created_on,
        cast(first_replied_at as date) as first_replied_on,
        cast(solved_at as date) as solved_on,
        cast(coalesce(csat_at, solved_at) as date) as rated_on
    from {{ ref('stg_tickets') }}

),

occurrences as (

    -- A ticket that is open in a window is one not solved before the window began.
    select
        account_id,
        'open_tickets' as operand,
        created_on as known_on,
        solved_on as window_on,
        cast(null as date) as ends_on,
        cast(null as double) as amount,
        cast(null as date) as day,
        priority as dimension_value
    from tickets

    union all

    select
        account_id,
        'open_ticket_age_days' as operand,
        created_on as known_on,
        cast(null as date) as window_on,
        solved_on as ends_on,
        cast(null as double) as amount,
        created_on as day,
        priority as dimension_value
    from tickets

    union all

    select
        account_id,
        'tickets_created' as operand,
        created_on as known_on,
        created_on as window_on,
        cast(null as date) as ends_on,
        cast(null as double) as amount,
        cast(null as date) as day,
        priority as dimension_value
    from tickets

    union all

    select
        account_id,
        'reopens' as operand,
        created_on as known_on,
        created_on as window_on,
        cast(null as date) as ends_on,
        coalesce(reopens, 0) as amount,
        cast(null as date) as day,
        priority as dimension_value
    from tickets

    union all

    select
        account_id,
        'first_reply_hours' as operand,
        greatest(created_on, first_replied_on) as known_on,
        created_on as window_on,
        cast(null as date) as ends_on,
        {{ hours_between('created_at', 'first_replied_at') }} as amount,
        cast(null as date) as day,
        priority as dimension_value
    from tickets
    where first_replied_on is not null

    union all

    select
        account_id,
        'tickets_solved' as operand,
        solved_on as known_on,
        solved_on as window_on,
        cast(null as date) as ends_on,
        cast(null as double) as amount,
        cast(null as date) as day,
        priority as dimension_value
    from tickets
    where solved_on is not null

    union all

    select
        account_id,
        'resolution_hours' as operand,
        solved_on as known_on,
        solved_on as window_on,
        cast(null as date) as ends_on,
        {{ hours_between('created_at', 'solved_at') }} as amount,
        cast(null as date) as day,
        priority as dimension_value
    from tickets
    where solved_on is not null

    union all

    select
        account_id,
        'csat_score' as operand,
        greatest(created_on, rated_on) as known_on,
        rated_on as window_on,
        cast(null as date) as ends_on,
        csat_score as amount,
        cast(null as date) as day,
        priority as dimension_value
    from tickets
    where rated_on is not null and csat_score is not null

    union all

    select
        account_id,
        'good_csat' as operand,
        greatest(created_on, rated_on) as known_on,
        rated_on as window_on,
        cast(null as date) as ends_on,
        cast(null as double) as amount,
        cast(null as date) as day,
        priority as dimension_value
    from tickets
    where rated_on is not null and csat_score >= 4

    union all

    select
        account_id,
        'bad_csat' as operand,
        greatest(created_on, rated_on) as known_on,
        rated_on as window_on,
        cast(null as date) as ends_on,
        cast(null as double) as amount,
        cast(null as date) as day,
        priority as dimension_value
    from tickets
    where rated_on is not null and csat_score <= 2

)

{{ fold_occurrences(step, aggregates=['count', 'sum', 'mean', 'days_since_first']) }}
{{ step.closing }}
{%- endfor %}
