-- States and scores that pillars would have by the configuration of the date before, on the data of
-- the first date: one row per health date, account and pillar.
with

first_date_accounts as (

    select *
    from {{ ref('int_former_accounts') }}
    where health_date = {{ first_health_date() }}

),

pairs as (

    select
        membership.health_date,
        membership.account_id,
        conditions.*
    from {{ ref('int_former_membership') }} as membership
    inner join {{ ref('former_conditions') }} as conditions
        on membership.segment_id = conditions.segment_id
    where
        membership.is_chosen
        and conditions.rule_set in ('good', 'poor', 'healthy', 'poor_band')

),

results as (

    {{ evaluated_conditions('pairs', 'former') }}

),

conditions as (

    {{ described_conditions('results', 'former') }}

),

-- The same data, judged by what the former configuration asked of it.
former_status as (

    select
        status.health_date,
        status.table_name,
        {{ status_of_source(
            "status.status = 'unreadable'",
            "status.status = 'absent'",
            "status.status = 'failed'",
            'status.rejected_ratio',
            'sources.max_age_hours',
            'sources.max_rejected_ratio',
        ) }} as status
    from {{ ref('source_status') }} as status
    left join {{ ref('former_sources') }} as sources on status.table_name = sources.table_name
    where status.health_date = {{ first_health_date() }}

)

select *
from (
    {{ pillar_states(
        'former',
        'first_date_accounts',
        ref('int_former_membership'),
        'conditions',
        'former_status',
    ) }}
) as former_pillars
