{{ configured_score_rules('former') }}
