-- depends_on: {{ source('raw', 'health_entries') }}
-- depends_on: {{ ref('config_pillars') }}
{{
    validated_rows(
        'health_entries', accounts=ref('stg_accounts'), named_ids=ref('base_override_ids')
    )
}}
