-- Accounts whose conditions on the last health date before the run are not known from explanations,
-- or will not be once this run has dropped the old ones: one row per account, with the segment that
-- was chosen then. None in a usual night.
--
-- History and explanations are read without a `ref`, as in `configurations`.
-- depends_on: {{ ref('configurations') }}
{%- if execute %}
{%- set history = adapter.get_relation(target.database, 'health', 'account_health_history') %}
{%- set explanations = adapter.get_relation(target.database, 'health', 'health_explanations') %}
{%- endif %}
{%- if history and explanations %}
with

previous as (

    select health_date
    from {{ ref('configurations') }}
    where configuration_key = 'previous'

),

latest as (

    select greatest(max(health_date), {{ last_health_date() }}) as health_date
    from {{ history }}

),

explained as (

    select distinct
        explanations.health_date,
        explanations.account_id
    from {{ explanations }} as explanations
    inner join previous on explanations.health_date = previous.health_date
    inner join latest on previous.health_date > latest.health_date - {{ var('explanation_days') }}

)

select
    history.health_date,
    history.account_id,
    history.segment_id
from {{ history }} as history
inner join previous on history.health_date = previous.health_date
left join explained
    on history.health_date = explained.health_date
    and history.account_id = explained.account_id
where
    history.segment_id is not null
    and explained.account_id is null
{%- else %}
select
    cast(null as date) as health_date,
    cast(null as {{ dbt.type_string() }}) as account_id,
    cast(null as {{ dbt.type_string() }}) as segment_id
where false
{%- endif %}
