-- depends_on: {{ source('raw', 'risk_assessments') }}
{{ validated_rows('risk_assessments', accounts=ref('stg_accounts')) }}
