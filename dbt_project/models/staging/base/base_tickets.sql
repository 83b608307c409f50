-- depends_on: {{ source('raw', 'tickets') }}
{{ validated_rows('tickets', accounts=ref('stg_accounts')) }}
