-- The cells of the configuration, one row per row of a file and column; `cell` is null where it is
-- empty, or where the file lacks the column.
{% for seed in configuration_seeds() %}
select
    '{{ seed }}' as seed,
    rows_of_file.row_key,
    columns.column_name,
    case columns.column_name
        {%- for column in configuration_columns(seed) %}
        when '{{ column }}' then rows_of_file.{{ column }}
        {%- endfor %}
    end as cell
from ({{ configuration_rows(seed) }}) as rows_of_file
cross join (
    values
    {%- for column in configuration_columns(seed) %}
    ('{{ column }}'){{ ',' if not loop.last }}
    {%- endfor %}
) as columns (column_name)
{{ 'union all' if not loop.last }}
{% endfor %}
