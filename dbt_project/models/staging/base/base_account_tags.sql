-- depends_on: {{ source('raw', 'account_tags') }}
{{
    validated_rows(
        'account_tags', accounts=ref('stg_accounts'), entries=ref('base_health_entries')
    )
}}
