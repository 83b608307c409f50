-- depends_on: {{ source('raw', 'accounts') }}
-- depends_on: {{ ref('raw_table_files') }}
{{ validated_rows('accounts') }}
