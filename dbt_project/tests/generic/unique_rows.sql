{#- Fails for each combination of the columns that stands in more than one row; nulls count as
    equal. -#}
{% test unique_rows(model, columns) %}
select
    {{ columns | join(',\n    ') }},
    count(*) as copies
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
