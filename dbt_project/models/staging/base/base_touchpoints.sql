-- depends_on: {{ source('raw', 'touchpoints') }}
{{ validated_rows('touchpoints', accounts=ref('stg_accounts')) }}
