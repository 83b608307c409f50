{{ config(meta={'uncompressed': ['account_id', 'user_id']}) }}
-- depends_on: {{ source('raw', 'touchpoints') }}
{{ validated_rows('touchpoints', accounts=ref('stg_accounts')) }}
