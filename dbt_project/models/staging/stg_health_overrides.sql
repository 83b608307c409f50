{{ accepted_rows(ref('base_health_overrides'), 'health_overrides') }}
