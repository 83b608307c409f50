{#- Signals that a condition of a configuration uses, or a published table. -#}
{% macro used_signals(configuration) -%}
select signal_id from {{ ref(configuration ~ '_conditions') }}
union
select scaled_by as signal_id from {{ ref(configuration ~ '_conditions') }}
union
select 'csm_email' as signal_id
union
select 'lifecycle_stage' as signal_id
{%- endmacro %}

{#- Everything known about accounts that a condition of a configuration uses, or a published table:
    one row per health date, account and signal that is not missing.

    configuration: `config` or `former`, see `macros/configuration_tables.sql`
    metrics: relation with (health_date, account_id, metric_id, value)
    others: relation as `other_signals` gives it -#}
{% macro known_signals(configuration, metrics, others) -%}
select
    metrics.health_date,
    metrics.account_id,
    metrics.metric_id as signal_id,
    metrics.value as value_number,
    cast(null as {{ dbt.type_string() }}) as value_text,
    {{ no_texts() }} as value_texts
from {{ metrics }} as metrics
where
    metrics.value is not null
    and metrics.metric_id in (
        select signals.signal_id
        from {{ ref(configuration ~ '_signals') }} as signals
        where signals.origin = 'metric'
    )
    and metrics.metric_id in ({{ used_signals(configuration) }})

union all

select
    health_date,
    account_id,
    signal_id,
    value_number,
    value_text,
    value_texts
from {{ others }}
{%- endmacro %}

{#- What is known about accounts beside metrics, in the same shape.

    configuration: `config` or `former`
    accounts: the health dates and accounts asked for, with the columns of the spine -#}
{% macro other_signals(configuration, accounts) -%}
{%- set plan_rank = 'former_plan_rank' if configuration == 'former' else 'plan_rank' -%}
with

accounts as (

    select * from {{ accounts }}

),

used_signals as (

    {{ used_signals(configuration) }}

),

signals as (

    select
        config_signals.signal_id,
        config_signals.value_type,
        config_signals.origin
    from {{ ref(configuration ~ '_signals') }} as config_signals
    inner join used_signals on config_signals.signal_id = used_signals.signal_id

),

-- The entry of the log that holds on a health date is the last one before it, by time, then value.
logged as (

    select
        account_id,
        attribute,
        value,
        cast(recorded_at as date) as recorded_on,
        cast(lead(recorded_at) over (
            partition by account_id, attribute
            order by recorded_at, value nulls first
        ) as date) as next_on
    from {{ ref('stg_account_attributes') }}

),

attributes as (

    select
        accounts.health_date,
        accounts.account_id,
        logged.attribute,
        logged.value
    from accounts
    inner join logged
        on accounts.account_id = logged.account_id
        and accounts.health_date > logged.recorded_on
        and accounts.health_date <= coalesce(logged.next_on, {{ end_of_time() }})

),

account_columns as (

    {% for column in ['lifecycle_stage', 'industry', 'region', 'csm_email', 'parent_account_id'] %}
    select
        health_date,
        account_id,
        '{{ column }}' as signal_id,
        {{ column }} as value_text
    from accounts
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- Where the log has an entry under the name of an account's column, the log wins.
account_texts as (

    select
        account_columns.health_date,
        account_columns.account_id,
        account_columns.signal_id,
        case
            when attributes.attribute is null then account_columns.value_text
            else attributes.value
        end as value_text
    from account_columns
    inner join signals on account_columns.signal_id = signals.signal_id
    left join attributes
        on account_columns.health_date = attributes.health_date
        and account_columns.account_id = attributes.account_id
        and account_columns.signal_id = attributes.attribute

),

plans as (

    select
        accounts.health_date,
        accounts.account_id,
        subscriptions.plan_id,
        row_number() over (
            partition by accounts.health_date, accounts.account_id
            order by
                subscriptions.{{ plan_rank }} desc,
                subscriptions.mrr desc,
                subscriptions.subscription_id asc
        ) as position
    from accounts
    inner join {{ ref('int_subscription_periods') }} as subscriptions
        on accounts.account_id = subscriptions.account_id
        and accounts.health_date > subscriptions.started_on
        and accounts.health_date <= coalesce(subscriptions.ended_on, {{ end_of_time() }})
    where subscriptions.{{ plan_rank }} is not null

),

tags as (

    select
        accounts.health_date,
        accounts.account_id,
        array_agg(distinct account_tags.tag) as tags
    from accounts
    inner join {{ ref('stg_account_tags') }} as account_tags
        on accounts.account_id = account_tags.account_id
        and accounts.health_date > cast(account_tags.added_at as date)
        and accounts.health_date
        <= coalesce(cast(account_tags.removed_at as date), {{ end_of_time() }})
    group by accounts.health_date, accounts.account_id

),

attribute_values as (

    select
        attributes.health_date,
        attributes.account_id,
        signals.signal_id,
        case
            when signals.value_type = 'number'
                then {{ parse_grouped_number('attributes.value') }}
        end as value_number,
        case
            when signals.value_type = 'text' then attributes.value
            when signals.value_type = 'boolean' and lower(attributes.value) in ('true', 'false')
                then lower(attributes.value)
        end as value_text
    from attributes
    inner join signals
        on attributes.attribute = signals.signal_id
        and signals.origin = 'attribute'

),

final as (

    select
        health_date,
        account_id,
        'account_age_days' as signal_id,
        account_age_days as value_number,
        cast(null as {{ dbt.type_string() }}) as value_text,
        {{ no_texts() }} as value_texts
    from accounts
    where 'account_age_days' in (select signals.signal_id from signals)

    union all

    select
        health_date,
        account_id,
        signal_id,
        value_number,
        value_text,
        {{ no_texts() }} as value_texts
    from attribute_values
    where value_number is not null or value_text is not null

    union all

    select
        health_date,
        account_id,
        signal_id,
        cast(null as double) as value_number,
        value_text,
        {{ no_texts() }} as value_texts
    from account_texts
    where value_text is not null

    union all

    select
        health_date,
        account_id,
        'plan_id' as signal_id,
        cast(null as double) as value_number,
        plan_id as value_text,
        {{ no_texts() }} as value_texts
    from plans
    where position = 1

    union all

    -- An account without a tag has the signal, with nothing in it; it is missing only where the
    -- table is.
    select
        accounts.health_date,
        accounts.account_id,
        'tag' as signal_id,
        cast(null as double) as value_number,
        cast(null as {{ dbt.type_string() }}) as value_text,
        coalesce(tags.tags, {{ empty_texts() }}) as value_texts
    from accounts
    inner join {{ ref('raw_tables') }} as raw_tables
        on raw_tables.table_name = 'account_tags'
        and raw_tables.is_present
    left join tags
        on accounts.health_date = tags.health_date
        and accounts.account_id = tags.account_id
    where 'tag' in (select signals.signal_id from signals)

)

select * from final
{%- endmacro %}
