{{ configured_pillar_sources('former') }}
