{{ configured_sources('former') }}
