-- The metrics of product adoption of one health date, by hand and in as few passes as there can be: the
-- floor under any pipeline. `events` (account_id, user_id, feature, module, day, event_count),
-- `accounts`, `users` and `subscriptions` are views that the caller makes; $night is the health date.
with

past as (

    select * from events where day < $night

),

users_last as (

    select account_id, user_id, max(day) as last_day
    from past
    where user_id is not null
    group by account_id, user_id

),

active as (

    select
        account_id,
        count(*) filter (last_day >= $night - 14) as active_users_14d,
        count(*) filter (last_day >= $night - 30) as active_users_30d,
        count(*) filter (last_day >= $night - 90) as active_users_90d,
        count(*) as active_users_lifetime
    from users_last
    group by account_id

),

known as (

    select
        coalesce(users.account_id, users_last.account_id) as account_id,
        count(*) as known_users,
        count(*) filter (users_last.last_day >= $night - 30) as known_active_users
    from (select * from users where created_at < $night) as users
    full join users_last
        on users.account_id = users_last.account_id and users.user_id = users_last.user_id
    where users.deactivated_at is null or users.deactivated_at >= $night
    group by 1

),

activity as (

    select
        account_id,
        max(day) as last_day,
        sum(event_count) filter (day >= $night - 30) as events_30d,
        sum(event_count) filter (day >= $night - 28) as events_28d,
        sum(event_count) filter (day >= $night - 56 and day < $night - 28) as events_before,
        count(distinct feature) filter (day >= $night - 14) as features_used_14d,
        count(distinct module) filter (day >= $night - 30) as modules_used_30d,
        count(distinct day) filter (day >= $night - 14) as active_days_14d,
        sum(event_count) filter (feature = 'dashboard_view') as dashboard_events_lifetime,
        sum(event_count) filter (feature in ('automation_run', 'automation_edit'))
            as automation_events_lifetime,
        sum(event_count) filter (module = 'integrations') as integration_events_lifetime
    from past
    group by account_id

),

seats as (

    select account_id, sum(seats) as seats
    from subscriptions
    where started_at < $night and (ended_at is null or ended_at >= $night)
    group by account_id

)

select
    accounts.account_id,
    coalesce(activity.events_30d, 0) as events_30d,
    coalesce(activity.features_used_14d, 0) as features_used_14d,
    coalesce(activity.modules_used_30d, 0) as modules_used_30d,
    coalesce(active.active_users_14d, 0) as active_users_14d,
    coalesce(activity.active_days_14d, 0) as active_days_14d,
    coalesce(known.known_users - known.known_active_users, 0) as inactive_users_30d,
    known.known_active_users / known.known_users as active_user_ratio_30d,
    coalesce(active.active_users_30d, 0) / nullif(seats.seats, 0) as license_utilization_30d,
    coalesce(active.active_users_90d, 0) / nullif(seats.seats, 0) as license_utilization_90d,
    $night - coalesce(activity.last_day, accounts.created_at::date) as days_since_last_event,
    coalesce(activity.events_28d, 0) / nullif(activity.events_before, 0) - 1
        as event_change_ratio_28d,
    coalesce(active.active_users_lifetime, 0) as active_users_lifetime,
    coalesce(activity.dashboard_events_lifetime, 0) as dashboard_events_lifetime,
    coalesce(activity.automation_events_lifetime, 0) as automation_events_lifetime,
    coalesce(activity.integration_events_lifetime, 0) as integration_events_lifetime
from accounts
left join activity on accounts.account_id = activity.account_id
left join active on accounts.account_id = active.account_id
left join known on accounts.account_id = known.account_id
left join seats on accounts.account_id = seats.account_id
where
    accounts.created_at < $night + interval 1 day
    and (accounts.churned_at is null or accounts.churned_at >= $night)
