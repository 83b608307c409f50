{{ configured_pillar_sources('config') }}
