-- Only the days that this run reads; `int_events_daily` keeps the history.
-- depends_on: {{ source('raw', 'events') }}
-- depends_on: {{ ref('event_read_range') }}
{{ judged_rows('events', accounts=ref('stg_accounts'), read_from=events_read_from()) }}
