{{ config(materialized='table') }}
{{ configured_metrics('former') }}
