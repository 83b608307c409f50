{#- What a score rule gives (docs/health.md, "Pillar score"): 10 where it is healthy, else 0 where it is
    poor, else 5; nothing where all is unknown. A linear one gives what it was evaluated to.

    rules: relation with is_unknown, linear_points, and as numbers (`truth_level`) healthy_level and
        poor_level -#}
{% macro points_of_score_rule(rules) -%}
case
        when {{ rules }}.is_unknown then null
        when {{ rules }}.linear_points is not null then {{ rules }}.linear_points
        when {{ rules }}.healthy_level = 2 then 10
        when {{ rules }}.poor_level = 2 then 0
        else 5
    end
{%- endmacro %}

{#- State of a pillar that is calculated (docs/health.md, "Pillar state"): poor goes before good; by its
    score where it has no health rules.

    pillars: relation with has_health_rules, good_holds and poor_holds, which may be unknown, score,
        good_from and poor_below -#}
{% macro state_of_pillar(pillars) -%}
case
        when {{ pillars }}.has_health_rules and {{ pillars }}.poor_holds then 'poor'
        when {{ pillars }}.has_health_rules and {{ pillars }}.good_holds then 'good'
        when {{ pillars }}.has_health_rules then 'average'
        else {{ state_of_score(
            pillars ~ '.score', pillars ~ '.good_from', pillars ~ '.poor_below'
        ) }}
    end
{%- endmacro %}
