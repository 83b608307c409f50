-- Rows of raw_values.csv that say nothing of a raw column, or two things. One row per mistake.
with

raw_values as (

    select
        source.*,
        {{ configuration_row_key(configuration_meta('raw_values').key) }} as row_key
    from ({{ raw_values() if execute else 'select 1' }}) as source

),

raw_columns as (

    select described.*
    from (
        values
        {%- for table in raw_table_names() %}
        {%- for column in raw_definition(table).columns %}
        ('{{ table }}', '{{ column.name }}', '{{ column.kind }}'),
        {%- endfor %}
        {%- endfor %}
        (null, null, null)
    ) as described (table_name, column_name, kind)

),

unknown_columns as (

    select
        'raw_values.csv' as file_name,
        raw_values.row_key,
        {{ sentence(
            "there is no column {} of a raw table {}.",
            [
                "coalesce(raw_values.column_name, '(empty)')",
                "coalesce(raw_values.table_name, '(empty)')",
            ],
        ) }} as problem,
        'Name a column of a raw table, as `_staging__sources.yml` lists them.' as cure
    from raw_values
    left join raw_columns
        on raw_values.table_name = raw_columns.table_name
        and raw_values.column_name = raw_columns.column_name
    where raw_columns.column_name is null

),

neither_or_both as (

    select
        'raw_values.csv' as file_name,
        row_key,
        case
            when raw_value is null then 'neither `raw_value` nor `time_format`.'
            else 'both `raw_value` and `time_format`.'
        end as problem,
        'Fill one of them.' as cure
    from raw_values
    where (raw_value is null) = (time_format is null)

),

formats_of_no_time as (

    select
        'raw_values.csv' as file_name,
        raw_values.row_key,
        '`time_format` for a column that is no time.' as problem,
        'Empty it, and say what a `raw_value` stands for.' as cure
    from raw_values
    inner join raw_columns
        on raw_values.table_name = raw_columns.table_name
        and raw_values.column_name = raw_columns.column_name
    where raw_values.time_format is not null and raw_columns.kind <> 'time'

),

formats_with_values as (

    select
        'raw_values.csv' as file_name,
        row_key,
        '`time_format` with a `value`.' as problem,
        'Empty `value`: the format itself says which time is meant.' as cure
    from raw_values
    where time_format is not null and value is not null

),

unknown_formats as (

    select
        'raw_values.csv' as file_name,
        row_key,
        {{ sentence("`time_format` is {}.", ["time_format"]) }} as problem,
        'Write it as strptime does, say %d.%m.%Y %H:%M; codes are %{{
            time_code_letters() | join(' %')
        }}.' as cure
    from raw_values
    where time_format is not null and not {{ is_time_format('time_format') }}

),

repeated as (

    select
        'raw_values.csv' as file_name,
        min(row_key) as row_key,
        'the same value or format of a column stands there more than once.' as problem,
        'Keep one of them.' as cure
    from raw_values
    group by table_name, column_name, lower(raw_value), time_format
    having count(*) > 1

)

select * from unknown_columns
union all
select * from neither_or_both
union all
select * from formats_of_no_time
union all
select * from formats_with_values
union all
select * from unknown_formats
union all
select * from repeated
