{{ accepted_rows(ref('base_accounts'), 'accounts') }}
