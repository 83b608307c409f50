-- depends_on: {{ source('raw', 'touchpoints') }}
{{ judged_rows('touchpoints', accounts=ref('stg_accounts')) }}
