{#- First and last health date of this run, as text `YYYY-MM-DD`.

    From the vars `health_date`, or `start_date` and `end_date`; else from the environment
    (HEALTH_DATE, or HEALTH_START_DATE and HEALTH_END_DATE), which spares dbt the full parse that a
    changed var costs; else the UTC date on which the run started. While dbt parses, any date will do:
    what was asked for would make it parse again every night. -#}
{% macro health_date_range() %}
    {%- if not execute -%}{{ return({'first': '2000-01-01', 'last': '2000-01-01'}) }}{%- endif -%}
    {%- set asked = namespace(
        one=var('health_date', none),
        first=var('start_date', none),
        last=var('end_date', none)
    ) -%}
    {%- if not (asked.one or asked.first or asked.last) -%}
        {%- set asked.one = env_var('HEALTH_DATE', '') -%}
        {%- set asked.first = env_var('HEALTH_START_DATE', '') -%}
        {%- set asked.last = env_var('HEALTH_END_DATE', '') -%}
    {%- endif -%}
    {%- if asked.one and (asked.first or asked.last) -%}
        {{ exceptions.raise_compiler_error(
            "Give either health_date, or start_date and end_date, not both."
        ) }}
    {%- endif -%}
    {%- if (asked.first or asked.last) and not (asked.first and asked.last) -%}
        {{ exceptions.raise_compiler_error(
            "A range needs both start_date and end_date; for one date give health_date."
        ) }}
    {%- endif -%}
    {%- set today = run_started_at.strftime('%Y-%m-%d') -%}
    {%- set first = health_date_text(asked.one or asked.first or today) -%}
    {%- set last = health_date_text(asked.one or asked.last or today) -%}
    {%- if first > last -%}
        {{ exceptions.raise_compiler_error(
            "start_date " ~ first ~ " is after end_date " ~ last ~ "."
        ) }}
    {%- endif -%}
    {{ return({'first': first, 'last': last}) }}
{% endmacro %}

{% macro health_date_text(value) %}
    {%- set text = (value | string).strip() -%}
    {%- set is_date = modules.re.fullmatch('[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9]', text) -%}
    {%- if is_date -%}
        {%- set year, month, day = text.split('-') | map('int') -%}
        {%- set is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) -%}
        {%- set days = [31, 29 if is_leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] -%}
        {%- set is_date = 1 <= day <= days[month - 1] -%}
    {%- endif -%}
    {%- if not is_date -%}
        {{ exceptions.raise_compiler_error(
            "'" ~ text ~ "' is no health date; write it as 2026-11-22."
        ) }}
    {%- endif -%}
    {{ return(text) }}
{% endmacro %}

{#- The UTC date on which the run started, as a SQL literal. -#}
{% macro today() %}cast('{{ run_started_at.strftime('%Y-%m-%d') }}' as date){% endmacro %}

{#- The dates as SQL literals. -#}
{% macro first_health_date() %}cast('{{ health_date_range().first }}' as date){% endmacro %}
{% macro last_health_date() %}cast('{{ health_date_range().last }}' as date){% endmacro %}

{#- The dates as steps of a backfill, as many at once as there are about `account_dates_per_step` rows for in
    the model's largest part: what does not fit into memory is not wrong, but slow. A step is as
    `macros/dates/steps.sql` says, with its `first` and `last` date as SQL literals.

    times: how many times as long the steps are -#}
{% macro steps_of_health_dates(times=1) %}
    {%- set dates = health_date_range() -%}
    {%- set steps = [] -%}
    {%- if dates.first == dates.last -%}
        {%- do steps.append({'first': first_health_date(), 'last': last_health_date()}) -%}
        {{ return(in_steps(steps)) }}
    {%- endif -%}
    {#- Found without a `ref`, which would make every model in steps depend on it again. -#}
    {%- set accounts = adapter.get_relation(
        target.database, generate_schema_name('staging', none), 'stg_accounts'
    ) -%}
    {%- set count = run_query('select count(*) from ' ~ accounts).rows[0][0] if accounts else 0 -%}
    {%- set dates_at_once = [times * var('account_dates_per_step') // [count, 1] | max, 1] | max -%}
    {%- set day = modules.datetime.timedelta(days=1) -%}
    {%- set end = modules.datetime.date.fromisoformat(dates.last) -%}
    {%- set next = namespace(first=modules.datetime.date.fromisoformat(dates.first)) -%}
    {%- for _ in range(0, (end - next.first).days + 1, dates_at_once) -%}
        {%- set last = [next.first + (dates_at_once - 1) * day, end] | min -%}
        {%- do steps.append({
            'first': "cast('" ~ next.first ~ "' as date)",
            'last': "cast('" ~ last ~ "' as date)",
        }) -%}
        {%- set next.first = last + day -%}
    {%- endfor -%}
    {{ return(in_steps(steps)) }}
{% endmacro %}

{#- The same for a model that holds less in a step, or reads all of the past in each: fewer steps read it
    less often. -#}
{% macro long_steps_of_health_dates() %}
    {{ return(steps_of_health_dates(times=4)) }}
{% endmacro %}

{#- The last date that the history has before this run; the run's first date if there is none. -#}
{% macro previous_health_date() -%}
(
        select coalesce(max(health_date), {{ first_health_date() }})
        from {{ ref('account_health_history') }}
        where health_date < {{ first_health_date() }}
    )
{%- endmacro %}

{#- The first date that the history has after this run; the run's last date if there is none. -#}
{% macro next_health_date() -%}
(
        select coalesce(min(health_date), {{ last_health_date() }})
        from {{ ref('account_health_history') }}
        where health_date > {{ last_health_date() }}
    )
{%- endmacro %}

{#- Condition that a health date is of this run, or the one before it or after it in the history. -#}
{% macro is_date_around_run() -%}
health_date between {{ previous_health_date() }} and {{ next_health_date() }}
{%- endmacro %}

{#- Whether this run calculates the latest date of the history. -#}
{% macro is_latest_date_in_run() -%}
(
        select
            coalesce(
                max(health_date) between {{ first_health_date() }} and {{ last_health_date() }},
                false
            )
        from {{ ref('account_health_history') }}
    )
{%- endmacro %}

{#- Whether the model's table keeps what another run said of the latest date, because this run does not
    calculate it. Asked while the model is compiled, so that other runs do not name the table that they
    write, which would cost a copy. -#}
{% macro keeps_latest_date() %}
    {{ return(
        is_incremental() and not run_query('select ' ~ is_latest_date_in_run()).rows[0][0]
    ) }}
{% endmacro %}

{#- The latest date with an account in scope, which the last date of a range need not be. A run of one date
    has that date as a literal, by which less is read; where no account is in scope nothing is written.

    dates: relation with the health dates that have accounts; of the history unless another one is given -#}
{% macro latest_health_date(dates=none) %}
    {%- if first_health_date() == last_health_date() -%}
        {{ return(last_health_date()) }}
    {%- endif -%}
    {{ return(
        '(select max(dates.health_date) from ' ~ (dates or ref('account_health_history')) ~ ' as dates)'
    ) }}
{% endmacro %}

{#- Accounts in scope on the latest date of the history; none where this run does not calculate
    it, and what is published of that date stays as it is (`replace_latest`). -#}
{% macro latest_accounts() -%}
select
    accounts.health_date,
    accounts.account_id,
    accounts.is_created_today
from {{ ref('int_accounts_by_health_date') }} as accounts
where accounts.health_date = (
    select max(history.health_date)
    from {{ ref('account_health_history') }} as history
)
{%- endmacro %}
