{{ config(materialized='view') }}
-- Everything known about an account that a condition or a published table uses: one row per health
-- date, account and signal that is not missing. Numbers are in `value_number`, texts and booleans
-- in `value_text`, tags in the list `value_texts`.
{{ known_signals('config', ref('account_metrics'), ref('other_signals')) }}
