-- RavenStack's own tables, mapped into the raw tables of the pipeline: one statement a table.
-- map.py sets the variables `source` (folder of the company's CSV files) and `target` (raw folder).
--
-- No users, invoices, touchpoints, survey_responses, account_tags, risk_assessments and
-- health_overrides: the company has nothing of the kind, and a table that is absent says so. An
-- empty one would say that all is known and nothing has happened.

create macro company(name) as table
    select * from read_csv(getvariable('source') || '/ravenstack_' || name || '.csv');

-- An account has left when all its subscriptions have ended, on the day of the last end.
-- Turned down: churn_flag, which has no date, and churn events: all these accounts still pay.
copy (
    select
        accounts.account_id,
        accounts.account_name,
        accounts.signup_date as created_at,
        accounts.industry,
        case
            when bool_and(subscriptions.end_date is not null) then max(subscriptions.end_date)
        end as churned_at
    from company('accounts') as accounts
    left join company('subscriptions') as subscriptions
        on accounts.account_id = subscriptions.account_id
    group by all
) to (getvariable('target') || '/accounts.parquet');

-- Recorded at signup: no better time is known. `seats` and `plan_id` are signals that come from the
-- subscriptions, so the account's own seats and plan go by other names. No churn_flag: without a
-- date it would tell every past health date what happened later.
copy (
    unpivot (
        select
            account_id,
            signup_date as recorded_at,
            country,
            referral_source,
            lower(plan_tier) as signup_plan,
            cast(seats as varchar) as signup_seats,
            cast(is_trial as varchar) as is_trial
        from company('accounts')
    )
    on country, referral_source, signup_plan, signup_seats, is_trial
    into name attribute value value
) to (getvariable('target') || '/account_attributes.parquet');

-- A row is what one subscription used of one feature on one day: event_count is its usage_count.
-- A count of 0 is no use, and would make a day look active. The time of day is not known: midnight
-- at its start keeps the day. Nor is the user. Kept: usage dated before the signup or outside the
-- subscription, for it is the account's; usage of an unknown subscription, for the pipeline to
-- reject (missing_account_id) where people can see it.
copy (
    select
        feature_usage.usage_id as event_id,
        subscriptions.account_id,
        feature_usage.feature_name as feature,
        feature_usage.usage_date as occurred_at,
        feature_usage.usage_count as event_count
    from company('feature_usage') as feature_usage
    left join company('subscriptions') as subscriptions
        on feature_usage.subscription_id = subscriptions.subscription_id
    where feature_usage.usage_count > 0
) to (getvariable('target') || '/events.parquet');

-- An account holds many subscriptions at once, each with its own money: the pipeline adds them up.
-- A trial is a plan of its own, so that a free look at Enterprise does not make an enterprise
-- customer. upgrade_flag and downgrade_flag have no date and cannot become plan changes.
copy (
    select
        subscription_id,
        account_id,
        lower(plan_tier) || case when is_trial then '_trial' else '' end as plan_id,
        mrr_amount as mrr,
        start_date as started_at,
        seats,
        end_date as ended_at
    from company('subscriptions')
) to (getvariable('target') || '/subscriptions.parquet');

-- Minutes until the first reply become a time. The time of a rating is not known: the pipeline
-- takes the time of solving.
copy (
    select
        ticket_id,
        account_id,
        submitted_at as created_at,
        case priority when 'medium' then 'normal' else priority end as priority,
        submitted_at + to_minutes(first_response_time_minutes) as first_replied_at,
        closed_at as solved_at,
        satisfaction_score as csat_score
    from company('support_tickets')
) to (getvariable('target') || '/tickets.parquet');
