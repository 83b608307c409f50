{#- Rows that count, as the staging models show them. -#}

{#- Rows that count, with the table's own columns. -#}
{% macro accepted_rows(base_model, table) %}
{%- if execute -%}
select
    {%- for column in raw_definition(table).columns %}
    {{ column.name }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ base_model }}
where rejected_reason is null
{%- endif -%}
{% endmacro %}

{#- Rows that count of a table with money, the amount in the reporting currency
    (docs/raw_tables.md, "Money"): by the latest rate on or before the day of the given time, else
    by the earliest. -#}
{% macro accepted_rows_in_reporting_currency(base_model, table, amount, time) %}
{%- if execute -%}
with

accepted as (

    {{ accepted_rows(base_model, table) }}

),

-- A rate holds from its day until the next; the first also before.
rates as (

    select
        currency,
        rate,
        case
            when lag(rate_on) over (partition by currency order by rate_on) is null
                then cast('0001-01-01' as date)
            else cast(rate_on as date)
        end as valid_from,
        coalesce(
            cast(lead(rate_on) over (partition by currency order by rate_on) as date),
            cast('9999-12-31' as date)
        ) as valid_until
    from {{ ref('stg_exchange_rates') }}

)

select
    {%- for column in raw_definition(table).columns %}
    {% if column.name == amount -%}
    accepted.{{ amount }} * coalesce(rates.rate, 1) as {{ amount }}
    {%- else -%}
    accepted.{{ column.name }}
    {%- endif %}{{ ',' if not loop.last }}
    {%- endfor %}
from accepted
left join rates
    on accepted.currency = rates.currency
    and accepted.currency <> {{ quoted(reporting_currency()) }}
    and cast(accepted.{{ time }} as date) >= rates.valid_from
    and cast(accepted.{{ time }} as date) < rates.valid_until
{%- endif -%}
{% endmacro %}

{#- The currency of amounts that name none, in capitals; blank where it has no name. -#}
{% macro reporting_currency() %}{{ return(var('reporting_currency') | trim | upper) }}{% endmacro %}
