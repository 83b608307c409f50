{{ configured_score_rules('config') }}
