{{ accepted_rows(ref('base_account_tags'), 'account_tags') }}
