{#- The one place where conditions are evaluated (docs/configuration.md, "Conditions").

    pairs: relation with configuration_key, health_date, account_id, and of the condition its condition_id,
        signal_id and scaled_by
    step: of `steps_of_health_dates`, the dates that the pairs have
    rule_sets: which conditions the pairs have, in single quotes and with commas. Values of signals that none
        of these use are left out before the join.
    gives: one row per row of `pairs`: the number that was observed as it is (observed_number), the
        threshold, rounded to the six decimals by which both are compared (resolved_number), what was
        observed of other types (observed_text), `is_met` (true, false, or null for unknown) and, of a
        linear score rule alone, the `points` that it gives. What the condition is stays in the
        configuration, because millions of rows have one. -#}
{% macro evaluated_conditions(pairs, step, rule_sets) -%}
{#- The date before the run is of its first step. -#}
{%- set is_in_step = 'health_date between ' ~ step.first ~ ' and ' ~ step.last -%}
{%- if step.is_first %}
    {%- set is_in_step = '(' ~ is_in_step ~ ' or health_date < ' ~ first_health_date() ~ ')' -%}
{%- endif -%}
{%- set is_listed = array_has('compared.threshold_numbers', 'compared.rounded_number') -%}
{#- Millions of pairs are joined with their signals: they carry their keys alone, and few a scale. -#}
select
    compared.configuration_key,
    compared.health_date,
    compared.account_id,
    compared.condition_id,
    compared.observed_number,
    case
        when compared.value_type = 'tags' then {{ array_text('compared.value_texts') }}
        else compared.value_text
    end as observed_text,
    compared.resolved_number,
    case
        when compared.value_type = 'number' then
            case compared.operator
                when '=' then compared.rounded_number = compared.resolved_number
                when '!=' then compared.rounded_number <> compared.resolved_number
                when '>' then compared.rounded_number > compared.resolved_number
                when '>=' then compared.rounded_number >= compared.resolved_number
                when '<' then compared.rounded_number < compared.resolved_number
                when '<=' then compared.rounded_number <= compared.resolved_number
                when 'in' then {{ is_listed }}
                when 'not_in' then not {{ is_listed }}
                when 'linear' then
                    case compared.rule_set
                        when 'healthy' then compared.linear_share >= 1
                        else compared.linear_share <= 0
                    end
            end
        when compared.value_type = 'tags' and compared.value_texts is not null then
            case
                when compared.operator in ('=', 'in')
                    then {{ arrays_overlap('compared.value_texts', 'compared.threshold_texts') }}
                else not {{ arrays_overlap('compared.value_texts', 'compared.threshold_texts') }}
            end
        when compared.value_type = 'boolean' then
            case compared.operator
                when '=' then compared.value_text = lower(compared.threshold)
                else compared.value_text <> lower(compared.threshold)
            end
        when compared.value_text is not null then
            case
                when compared.operator in ('=', 'in')
                    then {{ array_has('compared.threshold_texts', 'compared.value_text') }}
                else not {{ array_has('compared.threshold_texts', 'compared.value_text') }}
            end
    end as is_met,
    case
        when compared.linear_share >= 1 then 10
        when compared.linear_share <= 0 then 0
        else 10 * compared.linear_share
    end as points
from (
    select
        scaled.configuration_key,
        scaled.health_date,
        scaled.account_id,
        scaled.condition_id,
        signals.value_number as observed_number,
        round(signals.value_number, 6) as rounded_number,
        signals.value_text,
        signals.value_texts,
        round(conditions.threshold_number * scaled.scale, 6) as resolved_number,
        -- How far the value is on its way from poor (0) to healthy (1).
        (round(signals.value_number, 6) - round(conditions.poor_number * scaled.scale, 6))
        / nullif(
            round(conditions.healthy_number * scaled.scale, 6)
            - round(conditions.poor_number * scaled.scale, 6),
            0
        ) as linear_share,
        conditions.rule_set,
        conditions.value_type,
        conditions.operator,
        conditions.threshold,
        conditions.threshold_numbers,
        conditions.threshold_texts
    from (
        select
            configuration_key,
            health_date,
            account_id,
            condition_id,
            signal_id,
            cast(1 as double) as scale
        from {{ pairs }}
        where scaled_by is null

        union all

        select
            pairs.configuration_key,
            pairs.health_date,
            pairs.account_id,
            pairs.condition_id,
            pairs.signal_id,
            scales.value_number as scale
        from {{ pairs }} as pairs
        left join (
            select *
            from {{ ref('evaluated_signals') }}
            where
                {{ is_in_step }}
                and signal_id in (select scaled_by from {{ ref('configured_conditions') }})
        ) as scales
            on pairs.configuration_key = scales.configuration_key
            and pairs.health_date = scales.health_date
            and pairs.account_id = scales.account_id
            and pairs.scaled_by = scales.signal_id
        where pairs.scaled_by is not null
    ) as scaled
    left join (
        select *
        from {{ ref('evaluated_signals') }}
        where
            {{ is_in_step }}
            and signal_id in (
                select signal_id
                from {{ ref('configured_conditions') }}
                where rule_set in ({{ rule_sets }})
            )
    ) as signals
        on scaled.configuration_key = signals.configuration_key
        and scaled.health_date = signals.health_date
        and scaled.account_id = signals.account_id
        and scaled.signal_id = signals.signal_id
    inner join {{ ref('configured_conditions') }} as conditions
        on scaled.condition_id = conditions.condition_id
) as compared
{%- endmacro %}

{#- Evaluated conditions with what they are: one row per configuration, health date, account and condition.

    results: as `evaluated_conditions` gives them
    rule_sets: which of them, in single quotes and with commas; all where none -#}
{% macro described_conditions(results, rule_sets=none) -%}
select
    results.configuration_key,
    results.health_date,
    results.account_id,
    results.condition_id,
    conditions.rule_set,
    conditions.segment_id,
    conditions.pillar_id,
    conditions.clause,
    conditions.signal_id,
    case
        when conditions.value_type = 'number' then {{ number_text('round(results.observed_number, 6)') }}
        else results.observed_text
    end as observed,
    conditions.operator,
    conditions.threshold,
    conditions.scaled_by,
    case
        when {{ has_one_threshold('conditions') }}
            then {{ number_text('results.resolved_number') }}
        else conditions.threshold
    end as resolved_threshold,
    results.is_met,
    results.points,
    -- A linear rule whose ends are the same is unknown: there is no way to either of them.
    case
        when {{ has_one_threshold('conditions') }} and results.is_met is not null
            then round(results.observed_number, 6) - results.resolved_number
    end as gap
from {{ results }} as results
inner join {{ ref('configured_conditions') }} as conditions
    on results.condition_id = conditions.condition_id
{%- if rule_sets %}
where conditions.rule_set in ({{ rule_sets }})
{%- endif %}
{%- endmacro %}

{#- Whether what is observed is a number that is compared with one other, and so has a gap to it. -#}
{% macro has_one_threshold(conditions) -%}
({{ conditions }}.value_type = 'number' and not {{ takes_list(conditions ~ '.operator') }})
{%- endmacro %}

{#- Three-valued logic as numbers: 2 holds, 1 unknown, 0 fails. `and` is then the least, `or` the
    greatest, so clauses fold with min and max. -#}
{% macro truth_level(is_met) -%}
case when {{ is_met }} then 2 when {{ is_met }} is null then 1 else 0 end
{%- endmacro %}

{% macro truth_value(level) -%}
case {{ level }} when 2 then true when 0 then false end
{%- endmacro %}
