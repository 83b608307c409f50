-- Which overrides an entry may end: one row per override_id of the raw table `health_overrides`, as
-- its files hold it, and of each override that was entered and counts. Entries act on the files'
-- rows before those are validated, so that a row that will be rejected has its id here as well.
-- depends_on: {{ source('raw', 'health_overrides') }}
-- depends_on: {{ source('raw', 'health_entries') }}
-- depends_on: {{ ref('config_pillars') }}
{%- set accounts = ref('stg_accounts') %}
{%- if execute %}
with

{{ typed_rows('health_overrides', raw_columns('health_overrides')) }},

entries as (

    {{ validated_rows('health_entries', accounts=accounts, show='ranked') | indent }}

),

-- What ends overrides is not yet known to count, and does not take the place of one with its id.
entries_by_rank as (

    select
        entry_id,
        kind__value as kind,
        row_number() over (partition by entry_id order by duplicate_rank) as position
    from entries
    where row_reason is null and kind__value <> 'override_off'

)

select override_id
from read
where override_id is not null

union

select {{ entered_id('entry_id') }} as override_id
from entries_by_rank
where position = 1 and kind = 'override'
{%- endif %}
