-- Segments that accounts would be members of by the configuration of the date before, as
-- `segment_membership`: one row per health date, account and segment. First date only.
with

first_date_accounts as (

    select *
    from {{ ref('int_former_accounts') }}
    where health_date = {{ first_health_date() }}

),

pairs as (

    select
        accounts.health_date,
        accounts.account_id,
        conditions.*
    from first_date_accounts as accounts
    cross join {{ ref('former_conditions') }} as conditions
    where conditions.rule_set = 'segment'

),

results as (

    {{ evaluated_conditions('pairs', 'former', rule_sets="'segment'") }}

),

conditions as (

    {{ described_conditions('results', 'former') }}

)

select *
from (
    {{ segment_memberships('former', 'first_date_accounts', 'conditions') }}
) as memberships
