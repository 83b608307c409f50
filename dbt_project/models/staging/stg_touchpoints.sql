{{ accepted_rows(ref('base_touchpoints'), 'touchpoints') }}
