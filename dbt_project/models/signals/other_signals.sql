-- What is known about an account beside its metrics, as `account_signals` shows it: one row per
-- health date, account and signal that is not missing.
{{ other_signals('config', ref('int_accounts_by_health_date')) }}
