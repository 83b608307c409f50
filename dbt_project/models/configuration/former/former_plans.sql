{{ config(materialized='table') }}
{{ configured_plans('former') }}
