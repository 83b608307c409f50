-- depends_on: {{ source('raw', 'survey_responses') }}
{{ judged_rows('survey_responses', accounts=ref('stg_accounts')) }}
