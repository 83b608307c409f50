{{ configured_pillar_weights('former') }}
