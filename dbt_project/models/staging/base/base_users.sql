{{ config(meta={'uncompressed': ['account_id', 'user_id']}) }}
-- depends_on: {{ source('raw', 'users') }}
{{ validated_rows('users', accounts=ref('stg_accounts')) }}
