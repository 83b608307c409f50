-- depends_on: {{ source('raw', 'invoices') }}
{{
    validated_rows(
        'invoices', accounts=ref('stg_accounts'), rates=ref('stg_exchange_rates')
    )
}}
