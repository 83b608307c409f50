{{ accepted_rows(ref('base_exchange_rates'), 'exchange_rates') }}
