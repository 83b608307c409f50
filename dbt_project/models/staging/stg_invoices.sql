-- depends_on: {{ ref('stg_exchange_rates') }}
{{
    accepted_rows_in_reporting_currency(
        ref('base_invoices'), 'invoices', 'amount', 'issued_at'
    )
}}
