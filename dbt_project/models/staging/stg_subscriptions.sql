{{ accepted_rows(ref('base_subscriptions'), 'subscriptions') }}
