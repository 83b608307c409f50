{{ accepted_rows(ref('base_survey_responses'), 'survey_responses') }}
