{{ configured_pillar_weights('config') }}
