-- depends_on: {{ source('raw', 'tickets') }}
{{ judged_rows('tickets', accounts=ref('stg_accounts')) }}
