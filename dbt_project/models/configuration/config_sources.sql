{{ configured_sources('config') }}
