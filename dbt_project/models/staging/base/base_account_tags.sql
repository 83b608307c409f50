-- depends_on: {{ source('raw', 'account_tags') }}
{{ judged_rows('account_tags', accounts=ref('stg_accounts')) }}
