-- depends_on: {{ source('raw', 'health_overrides') }}
-- depends_on: {{ ref('config_pillars') }}
{{
    validated_rows(
        'health_overrides', accounts=ref('stg_accounts'), entries=ref('base_health_entries')
    )
}}
