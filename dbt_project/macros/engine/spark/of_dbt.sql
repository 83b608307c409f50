{#- Macros of dbt for which dbt-spark has a body that does not do here. -#}

{#- dbt-spark's leaves the order out, with a warning. -#}
{% macro spark__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
{%- set by = order_by_clause | replace('order by ', '') -%}
{%- if limit_num -%}
    {{ exceptions.raise_compiler_error('No limit is known for lists in one text on Spark.') }}
{%- endif -%}
array_join(
            transform(
                array_sort(collect_list(struct({{ by }}, {{ measure }} as item))), each -> each.item
            ),
            {{ delimiter_text }}
        )
{%- endmacro %}

{#- dbt-spark's stops at a null. -#}
{% macro spark__datediff(first_date, second_date, datepart) -%}
{%- if datepart != 'day' -%}
    {{ exceptions.raise_compiler_error('Only differences in days are known on Spark.') }}
{%- endif -%}
datediff({{ second_date }}, {{ first_date }})
{%- endmacro %}

{#- dbt-spark's is from before Spark had one. -#}
{% macro spark__split_part(string_text, delimiter_text, part_number) -%}
split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }})
{%- endmacro %}

{#- Types in YAML have the names that dbt knows everywhere. -#}
{% macro spark__get_empty_schema_sql(columns) -%}
select
    {%- for column in columns.values() %}
    cast(null as {{ spark_type(column.data_type) }}) as {{ column.name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro spark_type(data_type) %}{{ return('string' if data_type == 'text' else data_type) }}{% endmacro %}

{#- dbt-spark's writes an empty cell as the text `None`, stops at an apostrophe, and writes the table in two
    steps. All cells are texts: `config_*` models type them (`_configuration__seeds.yml`). -#}
{% macro spark__create_csv_table(model, agate_table) -%}
{%- set rows = [] -%}
{%- for row in agate_table.rows -%}
    {%- set cells = [] -%}
    {%- for cell in row -%}
        {%- do cells.append('cast(null as string)' if cell is none else quoted(cell | string)) -%}
    {%- endfor -%}
    {%- do rows.append('(' ~ cells | join(', ') ~ ')') -%}
{%- endfor -%}
{%- set names -%}
{%- for name in agate_table.column_names -%}`{{ name }}`{{ ', ' if not loop.last }}{%- endfor -%}
{%- endset -%}
{%- set nothing -%}
({%- for name in agate_table.column_names -%}
cast(null as string){{ ', ' if not loop.last }}
{%- endfor -%})
{%- endset -%}
{%- call statement('seed') -%}
create or replace table {{ this }} using iceberg
tblproperties ('health.checksum' = '{{ model.checksum.checksum }}')
as select * from values {{ rows | join(', ') or nothing }} as cells ({{ names }})
{{ 'where false' if not rows }}
{%- endcall -%}
{{ return('') }}
{%- endmacro %}

{% macro spark__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {{ return(spark__create_csv_table(model, agate_table)) }}
{% endmacro %}

{% macro spark__load_csv_rows(model, agate_table) %}{{ return('') }}{% endmacro %}
