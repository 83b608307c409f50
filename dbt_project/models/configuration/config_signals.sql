-- Everything that a condition can compare: one row per signal (unless a name stands for two, which
-- `config_errors` reports).
{{ configured_signals('config') }}
