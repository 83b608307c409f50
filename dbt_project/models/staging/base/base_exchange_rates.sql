-- depends_on: {{ source('raw', 'exchange_rates') }}
-- depends_on: {{ ref('raw_tables') }}
{{ validated_rows('exchange_rates') }}
