{{ configured_attributes('config') }}
