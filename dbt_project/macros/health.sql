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
    {%- set found = run_query(
        "select table_schema from information_schema.tables "
        ~ "where table_name = 'source_check_failures' "
        ~ "and table_catalog = '" ~ target.database ~ "' order by table_schema"
    ).columns[0].values() -%}
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
        from {{ ref('int_state_changes') }} as changes
        where
            changes.health_date = {{ this }}.health_date
            and changes.account_id = {{ this }}.account_id
    )
{%- endmacro %}
