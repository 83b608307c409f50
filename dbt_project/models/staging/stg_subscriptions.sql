-- depends_on: {{ ref('stg_exchange_rates') }}
{{
    accepted_rows_in_reporting_currency(
        ref('base_subscriptions'), 'subscriptions', 'mrr', 'started_at'
    )
}}
