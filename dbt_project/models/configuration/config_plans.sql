{{ configured_plans('config') }}
