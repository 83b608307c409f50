{{ configured_signals('former') }}
