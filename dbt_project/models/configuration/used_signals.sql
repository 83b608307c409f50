-- Signals that conditions of a configuration use, a metric or a published table: one row per
-- configuration and signal.
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
        peer_attribute as signal_id
    from {{ ref('configured_metrics') }}

    union

    select
        configuration_key,
        signal_id
    from signals
    where signal_id in ('csm_email', 'lifecycle_stage') and origin = 'built_in'

)

select
    signals.configuration_key,
    signals.signal_id,
    signals.value_type,
    signals.origin
from signals
inner join used
    on signals.configuration_key = used.configuration_key
    and signals.signal_id = used.signal_id
