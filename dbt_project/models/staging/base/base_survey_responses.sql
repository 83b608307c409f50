-- depends_on: {{ source('raw', 'survey_responses') }}
{{ validated_rows('survey_responses', accounts=ref('stg_accounts')) }}
