-- The conditions as the files have them, one row per condition with something in it: where it
-- stands, and the types of its signal and of what scales it (null: no such signal). `is_banded` is
-- false for the ends of a score rule whose `scoring` asks for no operators.
{%- set conditions = [] %}
{%- for seed in configuration_seeds() %}
{%- set rows_of_file = configuration_rows(seed) %}
{%- for columns in configuration_meta(seed).conditions or [] %}
{%- do conditions.append((seed, rows_of_file, columns)) %}
{%- endfor %}
{%- endfor %}
with

conditions as (

    {% for seed, rows_of_file, columns in conditions %}
    {%- set is_scaled = 'scaled_by' in configuration_columns(seed) %}
    {%- set has_scoring = 'scoring' in configuration_columns(seed) %}
    select
        '{{ seed }}.csv' as file_name,
        row_key,
        signal_id,
        '{{ columns.operator }}' as operator_column,
        '{{ columns.threshold }}' as threshold_column,
        {{ columns.operator }} as operator,
        {{ columns.threshold }} as threshold,
        {{ 'scaled_by' if is_scaled else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as scaled_by,
        {{ "coalesce(scoring, 'bands') = 'bands'" if has_scoring else 'true' }} as is_banded
    from ({{ rows_of_file }}) as rows_of_file
    where {{ columns.operator }} is not null or {{ columns.threshold }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

signals as (

    select
        signal_id,
        min(value_type) as value_type
    from {{ ref('config_signals') }}
    group by signal_id

)

select
    conditions.*,
    signals.value_type,
    scales.value_type as scale_type
from conditions
left join signals on conditions.signal_id = signals.signal_id
left join signals as scales on conditions.scaled_by = scales.signal_id
