{{ configured_segments('former') }}
