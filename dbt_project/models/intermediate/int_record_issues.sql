-- Every rejected row and every ignored or changed value of the raw tables: one row each.
{%- set tables = validated_tables() + [('events', ref('int_event_issues'))] %}
with

records as (

    {% for table, base in tables %}
    select
        '{{ table }}' as table_name,
        record_key,
        record_time,
        rejected_reason,
        value_issues,
        record
    from {{ base }}
    where rejected_reason is not null or value_issues is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

value_issues as (

    {{ split_rows(
        'records', ['table_name', 'record_key', 'record_time', 'record'], 'value_issues', ';'
    ) }}

)

select
    table_name,
    record_key,
    rejected_reason as reason,
    'row_rejected' as effect,
    cast(null as {{ dbt.type_string() }}) as column_name,
    record,
    record_time
from records
where rejected_reason is not null

union all

select
    table_name,
    record_key,
    {{ dbt.split_part('value', "':'", 2) }} as reason,
    {{ dbt.split_part('value', "':'", 1) }} as effect,
    {{ dbt.split_part('value', "':'", 3) }} as column_name,
    record,
    record_time
from value_issues
