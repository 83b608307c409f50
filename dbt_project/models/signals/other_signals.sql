-- What is known about an account beside its metrics, as `evaluated_signals` shows it: one row per
-- configuration, health date, account and signal that is not missing.
with

accounts as (

    select * from {{ ref('int_evaluated_accounts') }}

),

signals as (

    select * from {{ ref('used_signals') }}

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
        accounts.configuration_key,
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
        configuration_key,
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
        account_columns.configuration_key,
        account_columns.health_date,
        account_columns.account_id,
        account_columns.signal_id,
        case
            when attributes.attribute is null then account_columns.value_text
            else attributes.value
        end as value_text
    from account_columns
    inner join signals
        on account_columns.configuration_key = signals.configuration_key
        and account_columns.signal_id = signals.signal_id
        and (
            signals.is_used_on_all_dates
            or account_columns.health_date = {{ latest_health_date('accounts') }}
        )
    left join attributes
        on account_columns.configuration_key = attributes.configuration_key
        and account_columns.health_date = attributes.health_date
        and account_columns.account_id = attributes.account_id
        and account_columns.signal_id = attributes.attribute

),

plans as (

    select
        accounts.configuration_key,
        accounts.health_date,
        accounts.account_id,
        subscriptions.plan_id,
        row_number() over (
            partition by accounts.configuration_key, accounts.health_date, accounts.account_id
            order by
                ranks.plan_rank desc,
                subscriptions.mrr desc,
                subscriptions.subscription_id asc
        ) as position
    from accounts
    inner join {{ ref('int_subscription_periods') }} as subscriptions
        on accounts.account_id = subscriptions.account_id
        and accounts.health_date > subscriptions.started_on
        and accounts.health_date <= coalesce(subscriptions.ended_on, {{ end_of_time() }})
    inner join {{ ref('configured_plans') }} as ranks
        on accounts.configuration_key = ranks.configuration_key
        and subscriptions.plan_id = ranks.plan_id
    where ranks.plan_rank is not null

),

tags as (

    select
        accounts.configuration_key,
        accounts.health_date,
        accounts.account_id,
        array_agg(distinct account_tags.tag) as tags
    from accounts
    inner join {{ ref('stg_account_tags') }} as account_tags
        on accounts.account_id = account_tags.account_id
        and accounts.health_date > cast(account_tags.added_at as date)
        and accounts.health_date
        <= coalesce(cast(account_tags.removed_at as date), {{ end_of_time() }})
    group by accounts.configuration_key, accounts.health_date, accounts.account_id

),

attribute_values as (

    select
        attributes.configuration_key,
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
        on attributes.configuration_key = signals.configuration_key
        and attributes.attribute = signals.signal_id
        and signals.origin = 'attribute'
        and (
            signals.is_used_on_all_dates
            or attributes.health_date = {{ latest_health_date('accounts') }}
        )

),

final as (

    select
        accounts.configuration_key,
        accounts.health_date,
        accounts.account_id,
        signals.signal_id,
        accounts.account_age_days as value_number,
        cast(null as {{ dbt.type_string() }}) as value_text,
        {{ no_texts() }} as value_texts
    from accounts
    inner join signals
        on accounts.configuration_key = signals.configuration_key
        and signals.signal_id = 'account_age_days'
        and (
            signals.is_used_on_all_dates
            or accounts.health_date = {{ latest_health_date('accounts') }}
        )

    union all

    select
        configuration_key,
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
        configuration_key,
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
        configuration_key,
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
        accounts.configuration_key,
        accounts.health_date,
        accounts.account_id,
        signals.signal_id,
        cast(null as double) as value_number,
        cast(null as {{ dbt.type_string() }}) as value_text,
        coalesce(tags.tags, {{ empty_texts() }}) as value_texts
    from accounts
    inner join signals
        on accounts.configuration_key = signals.configuration_key
        and signals.signal_id = 'tag'
        and (
            signals.is_used_on_all_dates
            or accounts.health_date = {{ latest_health_date('accounts') }}
        )
    inner join {{ ref('raw_tables') }} as raw_tables
        on raw_tables.table_name = 'account_tags'
        and raw_tables.is_present
    left join tags
        on accounts.configuration_key = tags.configuration_key
        and accounts.health_date = tags.health_date
        and accounts.account_id = tags.account_id

)

select * from final
