-- depends_on: {{ source('raw', 'risk_assessments') }}
{{ judged_rows('risk_assessments', accounts=ref('stg_accounts')) }}
