{{ configured_plans('former') }}
