{#- Steps of models that would hold more at once than memory does.

    Such a model says its statement in a loop over its steps, and names the step in what it filters by:

        {% for step in steps_of_health_dates() -%}
        {{ step.opening }}
        select ... where health_date between {{ step.first }} and {{ step.last }}
        {{ step.closing }}
        {%- endfor %}

    Where one step will do, which is every night, that is the plain statement. Where there are several, it is
    their union: right as it stands, so that it can be shown and previewed. What writes the model parts
    the union, and runs one step after the other (`macros/engine/duckdb/materializations.sql`), so that
    what a step holds is let go before the next. -#}

{#- The steps with what a model in a loop needs: `opening` and `closing` of the statement, `is_first`,
    `is_last`. Other keys are those of the steps given. -#}
{% macro in_steps(steps) %}
    {%- set is_several = steps | length > 1 -%}
    {%- for step in steps -%}
        {%- do step.update({
            'opening': '(' if is_several else '',
            'closing': (')' if is_several else '') ~ ('' if loop.last else between_steps()),
            'is_first': loop.first,
            'is_last': loop.last,
        }) -%}
    {%- endfor -%}
    {{ return(steps) }}
{% endmacro %}

{#- What stands between two steps. -#}
{% macro between_steps() %}{{ return('\n\nunion all -- the next step\n\n') }}{% endmacro %}

{#- The statements of a model, one for each step. -#}
{% macro statements_in_steps(sql) %}{{ return(sql.split(between_steps())) }}{% endmacro %}
