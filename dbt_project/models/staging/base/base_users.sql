-- depends_on: {{ source('raw', 'users') }}
{{ judged_rows('users', accounts=ref('stg_accounts')) }}
