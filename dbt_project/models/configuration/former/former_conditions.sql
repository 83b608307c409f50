{{ configured_conditions('former') }}
