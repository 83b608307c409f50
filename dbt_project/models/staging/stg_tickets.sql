{{ accepted_rows(ref('base_tickets'), 'tickets') }}
