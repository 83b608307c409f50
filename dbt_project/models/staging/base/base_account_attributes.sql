-- depends_on: {{ source('raw', 'account_attributes') }}
{{ validated_rows('account_attributes', accounts=ref('stg_accounts')) }}
