-- depends_on: {{ source('raw', 'accounts') }}
-- depends_on: {{ ref('raw_tables') }}
{{ judged_rows('accounts') }}
