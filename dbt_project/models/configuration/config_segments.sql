-- A segment has a health configuration when it has a health rule or a score rule.
{{ configured_segments('config') }}
