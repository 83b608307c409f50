{{ configured_pillars('former') }}
