-- Signals that are evaluated: one row per configuration and signal. Those that conditions use, or the
-- history, on all dates (`is_used_on_all_dates`); of the current configuration also what else is
-- known beside metrics, which `account_properties` shows for the latest date.
with

conditions as (

    select * from {{ ref('configured_conditions') }}

),

signals as (

    select * from {{ ref('configured_signals') }}

),

used as (

    select
        configuration_key,
        signal_id
    from conditions

    union

    select
        configuration_key,
        scaled_by as signal_id
    from conditions

    union

    select
        configuration_key,
        signal_id
    from signals
    where signal_id in ('csm_email', 'lifecycle_stage', 'parent_account_id') and origin = 'built_in'

)

select
    signals.configuration_key,
    signals.signal_id,
    signals.value_type,
    signals.origin,
    used.signal_id is not null as is_used_on_all_dates
from signals
left join used
    on signals.configuration_key = used.configuration_key
    and signals.signal_id = used.signal_id
where
    used.signal_id is not null
    or (signals.configuration_key = 'current' and signals.origin <> 'metric')
