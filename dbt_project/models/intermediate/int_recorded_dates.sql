{{ config(materialized='ephemeral') }}
-- The dates that the history had before this run, those of the run left out: one row per health
-- date.
--
-- The history is read without a `ref`, because it is calculated from what rests on this: what is
-- read is the history as the runs before left it.
{%- if execute %}
{%- set history = adapter.get_relation(target.database, 'health', 'account_health_history') %}
{%- endif %}
{%- if history %}
select distinct health_date
from {{ history }}
where not health_date between {{ first_health_date() }} and {{ last_health_date() }}
{%- else %}
select cast(null as date) as health_date
where false
{%- endif %}
