{{ configured_attributes('former') }}
