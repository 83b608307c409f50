{{ config(materialized='view') }}
-- What events and users count for (docs/measures.md, "Events and users"). One row per health date,
-- account, metric and operand that has any.
with

events as (

    select * from {{ ref('event_measurements') }}

),

features as (

    select * from {{ ref('feature_measurements') }}

),

users as (

    select * from {{ ref('user_measurements') }}

)

select * from events
union all
select * from features
union all
select * from users
