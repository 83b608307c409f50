-- What subscriptions and invoices count for (docs/measures.md, "Subscriptions and invoices"). One
-- row per health date, account, metric and operand that has any.
{% for step in long_steps_of_health_dates() -%}
{{ step.opening }}
with

subscriptions as (

    select * from {{ ref('int_subscription_periods') }}

),

invoices as (

    select
        account_id,
        amount,
        cast(issued_at as date) as issued_on,
        cast(due_at as date) as due_on,
        cast(paid_at as date) as paid_on,
        least(cast(paid_at as date), cast(voided_at as date)) as settled_on,
        cast(voided_at as date) as voided_on
    from {{ ref('stg_invoices') }}

),

-- An amount of 0 or below is a credit, which nobody owes.
bills as (

    select *
    from invoices
    where amount > 0

),

occurrences as (

    select
        account_id,
        'mrr' as operand,
        started_on as known_on,
        cast(null as date) as window_on,
        ended_on as ends_on,
        mrr as amount,
        cast(null as date) as day
    from subscriptions

    union all

    select
        account_id,
        'seats' as operand,
        started_on as known_on,
        cast(null as date) as window_on,
        ended_on as ends_on,
        seats as amount,
        cast(null as date) as day
    from subscriptions
    where seats is not null

    union all

    select
        account_id,
        'plan_rank' as operand,
        started_on as known_on,
        cast(null as date) as window_on,
        ended_on as ends_on,
        plan_rank as amount,
        cast(null as date) as day
    from subscriptions
    where plan_rank is not null

    union all

    -- By the ranks of the previous configuration; counted only where it is asked for.
    select
        account_id,
        'previous_plan_rank' as operand,
        started_on as known_on,
        cast(null as date) as window_on,
        ended_on as ends_on,
        previous_plan_rank as amount,
        cast(null as date) as day
    from subscriptions
    where previous_plan_rank is not null

    union all

    select
        account_id,
        'days_to_renewal' as operand,
        started_on as known_on,
        cast(null as date) as window_on,
        least(ended_on, renews_on) as ends_on,
        cast(null as double) as amount,
        renews_on as day
    from subscriptions
    where renews_on is not null

    union all

    select
        account_id,
        'open_invoices' as operand,
        issued_on as known_on,
        cast(null as date) as window_on,
        settled_on as ends_on,
        cast(null as double) as amount,
        cast(null as date) as day
    from bills

    union all

    select
        account_id,
        'overdue_invoices' as operand,
        greatest(issued_on, due_on) as known_on,
        cast(null as date) as window_on,
        settled_on as ends_on,
        cast(null as double) as amount,
        cast(null as date) as day
    from bills
    where due_on is not null

    union all

    select
        account_id,
        'overdue_amount' as operand,
        greatest(issued_on, due_on) as known_on,
        cast(null as date) as window_on,
        settled_on as ends_on,
        amount,
        cast(null as date) as day
    from bills
    where due_on is not null

    union all

    select
        account_id,
        'days_overdue' as operand,
        greatest(issued_on, due_on) as known_on,
        cast(null as date) as window_on,
        settled_on as ends_on,
        cast(null as double) as amount,
        due_on as day
    from bills
    where due_on is not null

    union all

    select
        account_id,
        'invoices_due' as operand,
        greatest(issued_on, due_on) as known_on,
        due_on as window_on,
        settled_on as ends_on,
        cast(null as double) as amount,
        cast(null as date) as day
    from bills
    where due_on is not null

    union all

    select
        account_id,
        'amount_paid' as operand,
        greatest(issued_on, paid_on) as known_on,
        paid_on as window_on,
        cast(null as date) as ends_on,
        amount,
        cast(null as date) as day
    from invoices
    where paid_on is not null

    union all

    -- Paid on a later day than it was due, or not yet: either way late on every date on which it
    -- counts, because it counts only after it was due.
    select
        account_id,
        'late_payment_ratio' as operand,
        greatest(issued_on, due_on) as known_on,
        due_on as window_on,
        voided_on as ends_on,
        case when paid_on <= due_on then 0 else 1 end as amount,
        cast(null as date) as day
    from bills
    where due_on is not null

)

{{
    fold_occurrences(
        step,
        aggregates=['count', 'sum', 'mean', 'max', 'days_since_first', 'days_until_first'],
        match='true',
    )
}}
{{ step.closing }}
{%- endfor %}
