-- depends_on: {{ source('raw', 'accounts') }}
-- depends_on: {{ ref('raw_tables') }}
{{ validated_rows('accounts') }}
