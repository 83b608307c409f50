-- depends_on: {{ source('raw', 'subscriptions') }}
{{ judged_rows('subscriptions', accounts=ref('stg_accounts')) }}
