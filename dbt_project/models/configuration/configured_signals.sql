-- Everything that a condition can compare: one row per configuration and signal (unless a name
-- stands for two, which `config_errors` reports), with the name and the unit that people read.
with

configurations as (

    select * from {{ ref('configurations') }}

),

metrics as (

    select * from {{ ref('configured_metrics') }}

),

attributes as (

    {{ rows_of_configurations('attributes') }}

),

built_in as (

    select
        signals.signal_id,
        signals.value_type,
        signals.unit
    from (
        values
        ('account_age_days', 'number', 'days'),
        ('lifecycle_stage', 'text', null),
        ('industry', 'text', null),
        ('region', 'text', null),
        ('csm_email', 'text', null),
        ('parent_account_id', 'text', null),
        ('plan_id', 'text', null),
        ('tag', 'tags', null)
    ) as signals (signal_id, value_type, unit)

)

select
    configuration_key,
    metric_id as signal_id,
    metric_name as signal_name,
    unit,
    'number' as value_type,
    'metric' as origin
from metrics
where metric_id <> '{{ account_mrr_metric() }}'

union all

select
    configuration_key,
    attribute_id as signal_id,
    {{ name_of_id('attribute_name', 'attribute_id') }} as signal_name,
    unit,
    value_type,
    'attribute' as origin
from attributes

union all

select
    configurations.configuration_key,
    built_in.signal_id,
    {{ name_of_id('null', 'built_in.signal_id') }} as signal_name,
    built_in.unit,
    built_in.value_type,
    'built_in' as origin
from configurations
cross join built_in
