{{ configured_metrics('former') }}
