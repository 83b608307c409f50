{#- Fails for each combination of the columns that stands in more than one row; nulls count as
    equal. -#}
{% test unique_rows(model, columns) %}
select
    {{ columns | join(',\n    ') }},
    count(*) as copies
from {{ model }}
-- Millions of rows are counted by a number; only rows whose number is there twice are compared.
where {{ hash_number(columns) }} in (
    select key_number
    from (
        select {{ hash_number(columns) }} as key_number
        from {{ model }}
    ) as numbered
    group by key_number
    having count(*) > 1
)
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
