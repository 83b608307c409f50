{{ config(materialized='incremental', incremental_strategy='replace_all') }}
-- Files of the raw folder: read or not, and why.
-- depends_on: {{ ref('raw_tables') }}
{{ raw_files() if execute }}
