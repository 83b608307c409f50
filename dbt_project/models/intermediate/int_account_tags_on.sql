-- Tags that are on on the latest health date: one row per account and row of the raw table.
with

accounts as (

    {{ latest_accounts() }}

)

select
    accounts.health_date,
    accounts.account_id,
    tags.tag,
    tags.kind,
    tags.note,
    tags.added_at
from accounts
inner join {{ ref('stg_account_tags') }} as tags
    on accounts.account_id = tags.account_id
    and accounts.health_date > cast(tags.added_at as date)
    and accounts.health_date <= coalesce(cast(tags.removed_at as date), {{ end_of_time() }})
