{{ configured_pillars('config') }}
