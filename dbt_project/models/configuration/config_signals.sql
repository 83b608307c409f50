-- Everything that a condition can compare: one row per signal (unless a name stands for two, which
-- `config_errors` reports).
with

metrics as (

    select * from {{ ref('config_metrics') }}

),

attributes as (

    select * from {{ ref('config_attributes') }}

)

select
    metric_id as signal_id,
    'number' as value_type,
    'metric' as origin
from metrics
where metric_id <> '{{ account_mrr_metric() }}'

union all

select
    attribute_id as signal_id,
    value_type,
    'attribute' as origin
from attributes

union all

select
    built_in.signal_id,
    built_in.value_type,
    'built_in' as origin
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
) as built_in (signal_id, value_type)
