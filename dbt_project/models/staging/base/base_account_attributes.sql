-- depends_on: {{ source('raw', 'account_attributes') }}
{{ judged_rows('account_attributes', accounts=ref('stg_accounts')) }}
