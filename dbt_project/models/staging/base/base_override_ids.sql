-- Which overrides an entry may end: one row per override_id of the raw table `health_overrides`, as
-- its files hold it, and of each override that was entered. Entries act on the files' rows before
-- those are validated, so that a row that will be rejected has its id here as well.
-- depends_on: {{ source('raw', 'health_overrides') }}
-- depends_on: {{ source('raw', 'health_entries') }}
-- depends_on: {{ ref('config_pillars') }}
{%- set accounts = ref('stg_accounts') %}
{%- if execute %}
with

{{ typed_rows('health_overrides', raw_columns('health_overrides')) }},

-- What they end is not looked at here.
entries as (

    {{ validated_rows('health_entries', accounts=accounts) | indent }}

)

select override_id
from read
where override_id is not null

union

select {{ entered_id('entry_id') }} as override_id
from entries
where
    kind = 'override'
    and coalesce(rejected_reason, 'duplicate_key') = 'duplicate_key'
{%- endif %}
