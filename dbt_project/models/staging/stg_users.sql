{{ accepted_rows(ref('base_users'), 'users') }}
