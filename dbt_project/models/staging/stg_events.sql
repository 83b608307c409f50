{{ accepted_rows(ref('base_events'), 'events') }}
