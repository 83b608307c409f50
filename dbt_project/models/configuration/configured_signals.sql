-- Everything that a condition can compare: one row per configuration and signal (unless a name
-- stands for two, which `config_errors` reports).
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
        signals.value_type
    from (
        values
        ('account_age_days', 'number'),
        ('lifecycle_stage', 'text'),
        ('industry', 'text'),
        ('region', 'text'),
        ('csm_email', 'text'),
        ('parent_account_id', 'text'),
        ('plan_id', 'text'),
        ('tag', 'tags')
    ) as signals (signal_id, value_type)

)

select
    configuration_key,
    metric_id as signal_id,
    'number' as value_type,
    'metric' as origin
from metrics
where metric_id <> '{{ account_mrr_metric() }}'

union all

select
    configuration_key,
    attribute_id as signal_id,
    value_type,
    'attribute' as origin
from attributes

union all

select
    configurations.configuration_key,
    built_in.signal_id,
    built_in.value_type,
    'built_in' as origin
from configurations
cross join built_in
