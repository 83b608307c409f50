{{ config(materialized='incremental', incremental_strategy='replace_event_days') }}
-- How much an account used the product on a day, which is all that counts over all of it need: one
-- row per event day and account. In the order of days, as `int_validated_events`.
-- depends_on: {{ ref('event_read_range') }}
{% for step in event_steps() -%}
{{ step.opening }}
select
    event_day,
    account_id,
    sum(event_count) as event_count
from {{ ref('int_events_daily') }}
where
    {{ is_event_day_read('event_day') if is_incremental() else 'true' }}
    and {{ step.condition }}
group by event_day, account_id
order by event_day
{{ step.closing }}
{%- endfor %}
