-- All metrics of the starter configuration on one health date, by hand and in as few passes as there
-- can be: the floor under any pipeline. `events` (account_id, user_id, feature, module, day,
-- event_count) and the other raw tables are views that the caller makes; $night is the health date.
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
        sum(event_count) filter (module = 'integrations') as integration_events_lifetime,
        count(distinct feature) filter (module = 'integrations') as integration_features_lifetime
    from past
    group by account_id

),

plan_ranks as (

    select * from (values ('starter', 1), ('team', 2), ('business', 3), ('enterprise', 4)) as plans (plan_id, plan_rank)

),

contracts as (

    select
        account_id,
        sum(mrr) filter (is_active) as mrr,
        sum(seats) filter (is_active) as seats,
        max(plan_rank) filter (is_active) as plan_rank,
        min(renews_at) filter (is_active and renews_at >= $night) as renews_at,
        arg_max(plan_id, (plan_rank, mrr)) filter (is_active) as plan_id,
        sum(mrr) filter (was_active) as earlier_mrr,
        max(plan_rank) filter (was_active) as earlier_plan_rank
    from (
        select
            subscriptions.*,
            plan_rank,
            started_at < $night and (ended_at is null or ended_at >= $night) as is_active,
            started_at < $night - 90 and (ended_at is null or ended_at >= $night - 90) as was_active
        from subscriptions
        left join plan_ranks on subscriptions.plan_id = plan_ranks.plan_id
    )
    group by account_id

),

bills as (

    select
        account_id,
        count(*) filter (is_unpaid and due_at < $night) as overdue_invoices,
        coalesce(sum(amount) filter (is_unpaid and due_at < $night), 0) as overdue_amount,
        coalesce($night - min(due_at::date) filter (is_unpaid and due_at < $night), 0) as days_overdue,
        count(*) filter (is_unpaid and due_at < $night and due_at >= $night - 14) as invoices_due_14d,
        avg((paid_at is null or paid_at >= $night or paid_at::date > due_at::date)::int)
            filter (amount > 0 and due_at < $night and due_at >= $night - 180) as late_payment_ratio_180d,
        coalesce(sum(amount) filter (paid_at < $night), 0) as amount_paid_lifetime
    from (select *, amount > 0 and (paid_at is null or paid_at >= $night) as is_unpaid from invoices)
    where issued_at < $night
    group by account_id

),

support as (

    select
        account_id,
        count(*) filter (is_open) as open_tickets,
        count(*) filter (priority in ('high', 'urgent') and (solved_at is null or solved_at >= $night - 14))
            as open_high_tickets_14d,
        coalesce($night - min(created_at::date) filter (is_open), 0) as open_ticket_age_days,
        count(*) filter (is_new) as tickets_created_30d,
        avg(epoch(first_replied_at - created_at) / 3600) filter (is_new and first_replied_at < $night)
            as first_reply_hours_30d,
        avg(epoch(solved_at - created_at) / 3600) filter (solved_at < $night and solved_at >= $night - 90)
            as resolution_hours_90d,
        coalesce(sum(reopens) filter (is_new), 0) as reopens_30d,
        avg(csat_score) filter (solved_at < $night and solved_at >= $night - 90) as csat_score_90d,
        count(*) filter (csat_score >= 4 and solved_at < $night and solved_at >= $night - 90) as good_csat_90d,
        count(*) filter (csat_score <= 2 and solved_at < $night and solved_at >= $night - 30) as bad_csat_30d
    from (
        select
            *,
            solved_at is null or solved_at >= $night as is_open,
            created_at >= $night - 30 as is_new
        from tickets
    )
    where created_at < $night
    group by account_id

),

contacts as (

    select
        account_id,
        count(*) filter (occurred_at >= $night - 30) as touchpoints_30d,
        count(*) filter (occurred_at >= $night - 90) as touchpoints_90d,
        count(*) filter (channel in ('meeting', 'qbr') and occurred_at >= $night - 90) as meetings_90d,
        count(*) filter (channel = 'qbr' and occurred_at >= $night - 180) as qbrs_180d,
        count(*) filter (channel = 'visit' and occurred_at >= $night - 180) as visits_180d,
        count(*) filter (channel = 'webinar' and occurred_at >= $night - 90) as webinars_90d,
        max(occurred_at) as last_touchpoint,
        max(occurred_at) filter (channel in ('call', 'meeting', 'qbr', 'visit')) as last_conversation,
        count(distinct user_id) filter (occurred_at >= $night - 90) as people_contacted_90d
    from touchpoints
    where occurred_at < $night
    group by account_id

),

answers as (

    select
        account_id,
        100 * avg((score >= 9)::int - (score <= 6)::int) filter (kind = 'nps' and responded_at >= $night - 180)
            as nps_180d,
        arg_max(score, (responded_at, response_id)) filter (kind = 'nps') as nps_latest,
        arg_max(score, (responded_at, response_id)) filter (kind = 'pulse' and responded_at >= $night - 90)
            as pulse_90d
    from survey_responses
    where responded_at < $night
    group by account_id

),

tags as (

    select
        account_id,
        count(distinct tag) filter (kind = 'risk') as risk_tags,
        count(distinct tag) filter (
            kind = 'risk' and tag in ('champion_left', 'competitor_evaluation', 'churn_threat')
        ) as critical_risk_tags,
        count(distinct tag) filter (kind = 'confidence') as confidence_tags,
        list(distinct tag) as tag
    from account_tags
    where added_at < $night and (removed_at is null or removed_at >= $night)
    group by account_id

),

risks as (

    select account_id, arg_max(risk_score, (assessed_at, assessment_id)) as risk_score_90d
    from risk_assessments
    where assessed_at < $night and assessed_at >= $night - 90
    group by account_id

),

readings as (

    select
        account_id,
        try_cast(arg_max(value, recorded_at) filter (attribute = 'target_active_users') as double)
            as target_active_users,
        try_cast(arg_max(value, recorded_at) filter (attribute = 'agreed_touchpoints_90d') as double)
            as agreed_touchpoints_90d,
        arg_max(value, recorded_at) filter (attribute = 'is_seasonal') as is_seasonal
    from account_attributes
    where recorded_at < $night
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
    coalesce(active.active_users_30d, 0) / nullif(contracts.seats, 0) as license_utilization_30d,
    coalesce(active.active_users_90d, 0) / nullif(contracts.seats, 0) as license_utilization_90d,
    $night - coalesce(activity.last_day, accounts.created_at::date) as days_since_last_event,
    coalesce(activity.events_28d, 0) / nullif(activity.events_before, 0) - 1
        as event_change_ratio_28d,
    coalesce(active.active_users_lifetime, 0) as active_users_lifetime,
    coalesce(activity.dashboard_events_lifetime, 0) as dashboard_events_lifetime,
    coalesce(activity.automation_events_lifetime, 0) as automation_events_lifetime,
    coalesce(activity.integration_events_lifetime, 0) as integration_events_lifetime,
    coalesce(activity.integration_features_lifetime, 0) as integration_features_lifetime,
    coalesce(contracts.mrr, 0) as mrr,
    contracts.seats,
    contracts.plan_rank,
    contracts.plan_rank - contracts.earlier_plan_rank as plan_rank_change_90d,
    coalesce(contracts.mrr, 0) / nullif(contracts.earlier_mrr, 0) - 1 as mrr_change_ratio_90d,
    contracts.renews_at::date - $night as days_to_renewal,
    coalesce(bills.overdue_invoices, 0) as overdue_invoices,
    coalesce(bills.overdue_amount, 0) as overdue_amount,
    coalesce(bills.days_overdue, 0) as days_overdue,
    coalesce(bills.invoices_due_14d, 0) as invoices_due_14d,
    bills.late_payment_ratio_180d,
    coalesce(bills.amount_paid_lifetime, 0) as amount_paid_lifetime,
    coalesce(support.open_tickets, 0) as open_tickets,
    coalesce(support.open_high_tickets_14d, 0) as open_high_tickets_14d,
    coalesce(support.open_ticket_age_days, 0) as open_ticket_age_days,
    coalesce(support.tickets_created_30d, 0) as tickets_created_30d,
    coalesce(support.tickets_created_30d, 0) / nullif(active.active_users_30d, 0)
        as tickets_per_active_user_30d,
    support.first_reply_hours_30d,
    support.resolution_hours_90d,
    coalesce(support.reopens_30d, 0) as reopens_30d,
    support.csat_score_90d,
    coalesce(support.good_csat_90d, 0) as good_csat_90d,
    coalesce(support.bad_csat_30d, 0) as bad_csat_30d,
    coalesce(contacts.touchpoints_30d, 0) as touchpoints_30d,
    coalesce(contacts.touchpoints_90d, 0) as touchpoints_90d,
    coalesce(contacts.meetings_90d, 0) as meetings_90d,
    coalesce(contacts.qbrs_180d, 0) as qbrs_180d,
    coalesce(contacts.visits_180d, 0) as visits_180d,
    coalesce(contacts.webinars_90d, 0) as webinars_90d,
    $night - coalesce(contacts.last_touchpoint, accounts.created_at)::date as days_since_last_touchpoint,
    $night - coalesce(contacts.last_conversation, accounts.created_at)::date as days_since_last_conversation,
    coalesce(contacts.people_contacted_90d, 0) as people_contacted_90d,
    answers.nps_180d,
    answers.nps_latest,
    coalesce(tags.risk_tags, 0) as risk_tags,
    coalesce(tags.critical_risk_tags, 0) as critical_risk_tags,
    coalesce(tags.confidence_tags, 0) as confidence_tags,
    risks.risk_score_90d,
    answers.pulse_90d,
    -- The other signals.
    $night - accounts.created_at::date as account_age_days,
    accounts.created_at >= $night as is_created_today,
    accounts.lifecycle_stage,
    contracts.plan_id,
    coalesce(tags.tag, []) as tag,
    readings.target_active_users,
    readings.agreed_touchpoints_90d,
    readings.is_seasonal,
    null::varchar as has_executive_sponsor,
    null::varchar as is_kickoff_held,
    null::double as integrations_live
from accounts
left join activity on accounts.account_id = activity.account_id
left join active on accounts.account_id = active.account_id
left join known on accounts.account_id = known.account_id
left join contracts on accounts.account_id = contracts.account_id
left join bills on accounts.account_id = bills.account_id
left join support on accounts.account_id = support.account_id
left join contacts on accounts.account_id = contacts.account_id
left join answers on accounts.account_id = answers.account_id
left join tags on accounts.account_id = tags.account_id
left join risks on accounts.account_id = risks.account_id
left join readings on accounts.account_id = readings.account_id
where
    accounts.created_at < $night + interval 1 day
    and (accounts.churned_at is null or accounts.churned_at >= $night)
