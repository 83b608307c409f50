{{ accepted_rows(ref('base_account_attributes'), 'account_attributes') }}
