-- Metrics with what the catalogue says of their measure.
{{ configured_metrics('config') }}
