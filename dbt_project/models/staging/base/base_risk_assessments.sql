-- depends_on: {{ source('raw', 'risk_assessments') }}
{{
    validated_rows(
        'risk_assessments', accounts=ref('stg_accounts'), entries=ref('base_health_entries')
    )
}}
