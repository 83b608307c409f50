-- depends_on: {{ source('raw', 'exchange_rates') }}
-- depends_on: {{ ref('raw_table_files') }}
{{ validated_rows('exchange_rates') }}
