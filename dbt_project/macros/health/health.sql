{#- State of a score by a segment's bands; average without a score. -#}
{% macro state_of_score(score, good_from, poor_below) -%}
case
    when round({{ score }}, 6) >= round({{ good_from }}, 6) then 'good'
    when round({{ score }}, 6) < round({{ poor_below }}, 6) then 'poor'
    else 'average'
end
{%- endmacro %}

{#- Whether a day of a source is in the days that `rejected_ratio` looks at: those in which rows may
    still arrive, and rows without a readable time. -#}
{% macro is_recent_source_day() -%}
(
            days.event_day is null
            or (
                days.event_day < status_keys.health_date
                and days.event_day >= status_keys.health_date - {{ var('late_arrival_days') }}
            )
        )
{%- endmacro %}

{#- Critical checks of the raw data that failed: (health_date, table_name). The checks run before
    dbt and write the table `source_check_failures`; without it nothing failed. -#}
{% macro source_check_failures() %}
{%- set found = [] -%}
{%- if execute -%}
    {%- set found = schemas_with('source_check_failures') -%}
{%- endif -%}
{%- for schema in found %}
    select
        cast(health_date as date) as health_date,
        table_name
    from {{ schema }}.source_check_failures
    {{ 'union' if not loop.last }}
{%- else %}
    select
        cast(null as date) as health_date,
        cast(null as {{ dbt.type_string() }}) as table_name
    where false
{%- endfor %}
{%- if found | length == 1 %}
    union
    select
        cast(null as date) as health_date,
        cast(null as {{ dbt.type_string() }}) as table_name
    where false
{%- endif %}
{% endmacro %}

{#- Drops explanations that are older than `explanation_days`, but for dates of a change. -#}
{% macro forget_old_explanations() -%}
delete from {{ this }}
where
    health_date <= (
        select max(health_date) - {{ var('explanation_days') }}
        from {{ ref('account_health_history') }}
    )
    and not exists (
        select 1
        from {{ ref('int_state_starts') }} as starts
        where
            starts.health_date = {{ this }}.health_date
            and starts.account_id = {{ this }}.account_id
            and starts.is_change
    )
{%- endmacro %}

{#- The shown states from one health date to another, both included: one row per health date, account and
    pillar or `overall`. -#}
{% macro shown_states(first, last) -%}
select
    history.health_date,
    history.account_id,
    history.csm_email,
    history.segment_id,
    history.mrr,
    'overall' as pillar_id,
    history.overall_state as state,
    history.settled_state,
    history.overall_score as score
from {{ ref('account_health_history') }} as history
where history.health_date between {{ first }} and {{ last }}

union all

select
    history.health_date,
    history.account_id,
    history.csm_email,
    history.segment_id,
    history.mrr,
    pillars.pillar_id,
    pillars.state,
    pillars.settled_state,
    pillars.score
from {{ ref('pillar_health_history') }} as pillars
inner join {{ ref('account_health_history') }} as history
    on pillars.health_date = history.health_date
    and pillars.account_id = history.account_id
where pillars.health_date between {{ first }} and {{ last }}
{%- endmacro %}

{#- Sum of MRR at six decimals, null without any. -#}
{% macro total_mrr(mrr) -%}
cast(round({{ exact_sum(mrr) }}, 6) as double)
{%- endmacro %}

{#- Whether a score meets what an alert rule asks of scores, if anything; a missing one does not. -#}
{% macro meets_score_criteria(score, score_a_week_before) -%}
coalesce(
            (rules.score_below is null or round({{ score }}, 6) < round(rules.score_below, 6))
            and (
                rules.score_drop_7d is null
                or round({{ score_a_week_before }} - {{ score }}, 6)
                >= round(rules.score_drop_7d, 6)
            ),
            false
        )
{%- endmacro %}

{#- States from worst to best as numbers. -#}
{% macro rank_of_state(state) -%}
case {{ state }} when 'poor' then 0 when 'average' then 1 when 'good' then 2 end
{%- endmacro %}

{#- A letter for each of 60 days, oldest first, from the sets of the days ago on which each state was shown. -#}
{% macro last_60_letters() -%}
{%- set letters = [] -%}
{%- for days_ago in range(59, -1, -1) -%}
    {%- do letters.append(
        "case when " ~ is_in_number_set(days_ago, 'good_days') ~ " then 'g'"
        ~ " when " ~ is_in_number_set(days_ago, 'average_days') ~ " then 'a'"
        ~ " when " ~ is_in_number_set(days_ago, 'poor_days') ~ " then 'p'"
        ~ " when " ~ is_in_number_set(days_ago, 'not_calculated_days') ~ " then '-' else '.' end"
    ) -%}
{%- endfor -%}
{{ dbt.concat(letters) }}
{%- endmacro %}
