{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- What is known of accounts beside metrics on the latest health date: their signals of other kinds
-- that have a value, and each tag that is on.
with

accounts as (

    {{ latest_accounts() }}

),

signals as (

    select
        signal_id,
        value_type
    from {{ ref('config_signals') }}
    where origin <> 'metric' and value_type <> 'tags'

),

tags as (

    select distinct
        health_date,
        account_id,
        tag
    from {{ ref('int_account_tags_on') }}

)

select
    accounts.health_date,
    accounts.account_id,
    signals.signal_id as property_id,
    signals.value_type,
    properties.value_text,
    properties.value_number
from accounts
inner join {{ ref('account_signals') }} as properties
    on accounts.health_date = properties.health_date
    and accounts.account_id = properties.account_id
inner join signals on properties.signal_id = signals.signal_id

union all

select
    health_date,
    account_id,
    {{ dbt.concat(["'tag:'", 'tag']) }} as property_id,
    'boolean' as value_type,
    'true' as value_text,
    cast(null as double) as value_number
from tags
