{{
    config(
        materialized='incremental',
        incremental_strategy='replace_health_dates_and_next',
        full_refresh=false,
    )
}}
-- On which health dates accounts came to meet the milestones of the segment that was chosen, or to
-- meet them no more, kept over the runs: one row per health date, account, segment and milestone
-- for which that is otherwise than on the date before in the history. A date that is calculated
-- again, on corrected data, may turn out otherwise, and the date after it with it.
-- depends_on: {{ ref('account_health_history') }}
{%- set key = ['account_id', 'segment_id', 'milestone_id'] %}
{% for step in long_steps_of_health_dates() -%}
{{ step.opening }}
with

-- The run's dates, one before all, and the date after the run. That has no conditions any more:
-- what was met on it is what the changes said.
dates as (

    select
        health_date,
        lag(health_date) over (order by health_date) as previous_date
    from (
        select cast('0001-01-01' as date) as health_date
        union
        select health_date from {{ ref('int_health_dates') }}
        {%- if is_incremental() %}
        union
        select {{ next_health_date() }} as health_date
        {%- endif %}
    ) as all_dates

),

-- Those of a step; the date after the run belongs to the last.
dates_of_step as (

    select *
    from dates
    where
        health_date between {{ step.first }} and {{ step.last }}
        {%- if step.is_last %}
        or health_date > {{ last_health_date() }}
        {%- endif %}

),

met as (

    select
        health_date,
        account_id,
        segment_id,
        clause as milestone_id
    from {{ ref('milestone_conditions') }}
    where
        is_met
        and health_date between {{ step.first }} - 1 and {{ step.last }}
    {%- if is_incremental() %}
    {%- for date, before, is_in_step in [
        ("cast('0001-01-01' as date)", 'health_date < ' ~ first_health_date(), step.is_first),
        (next_health_date(), 'health_date <= ' ~ next_health_date(), step.is_last),
    ] if is_in_step %}

    union all

    select
        {{ date }} as health_date,
        {{ key | join(',\n        ') }}
    from {{ this }}
    where
        {{ before }}
        {%- if date == next_health_date() %}
        and {{ next_health_date() }} > {{ last_health_date() }}
        {%- endif %}
    group by {{ key | join(', ') }}
    having
        max(case when is_met then health_date end)
        > coalesce(
            max(case when not is_met then health_date end), cast('0001-01-01' as date)
        )
    {%- endfor %}
    {%- endif %}

),

-- Most of what is met is met on all dates of the step and on the one before, and changes on none.
not_always_met as (

    select {{ key | join(', ') }}
    from met
    group by {{ key | join(', ') }}
    having count(*) <= (select count(*) from dates_of_step)

),

changing as (

    select met.*
    from met
    inner join not_always_met
        on met.account_id = not_always_met.account_id
        {%- for column in key[1:] %}
        and met.{{ column }} = not_always_met.{{ column }}
        {%- endfor %}

)

{% for one, other in [('health_date', 'previous_date'), ('previous_date', 'health_date')] -%}
select
    dates.health_date,
    {%- for column in key %}
    changing.{{ column }},
    {%- endfor %}
    {{ loop.first | string | lower }} as is_met
from changing
inner join dates_of_step as dates on changing.health_date = dates.{{ one }}
left join changing as met_on_other
    on dates.{{ other }} = met_on_other.health_date
    {%- for column in key %}
    and changing.{{ column }} = met_on_other.{{ column }}
    {%- endfor %}
where met_on_other.account_id is null
{{ 'union all' if not loop.last }}
{% endfor %}
{{ step.closing }}
{%- endfor %}
