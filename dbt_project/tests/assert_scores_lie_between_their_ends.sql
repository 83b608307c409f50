{{ config(meta={'dagster': {'ref': {'name': 'account_health_history'}}}) }}
-- What is not known could make a score lower or higher, and the ends say how much: a score beyond
-- them would be one that could not be.
with

scores as (

    select
        health_date,
        account_id,
        'overall' as pillar_id,
        overall_score as score,
        score_low,
        score_high
    from {{ ref('account_health_history') }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}

    union all

    select
        health_date,
        account_id,
        pillar_id,
        score,
        score_low,
        score_high
    from {{ ref('pillar_health_history') }}
    where health_date between {{ first_health_date() }} and {{ last_health_date() }}

)

select
    health_date,
    account_id,
    pillar_id,
    score,
    score_low,
    score_high
from scores
where score not between score_low and score_high or score_low > score_high
