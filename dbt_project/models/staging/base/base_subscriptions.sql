-- depends_on: {{ source('raw', 'subscriptions') }}
{{
    validated_rows(
        'subscriptions', accounts=ref('stg_accounts'), rates=ref('stg_exchange_rates')
    )
}}
