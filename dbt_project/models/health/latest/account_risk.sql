{{ config(materialized='incremental', incremental_strategy='replace_latest') }}
-- The account manager's own reading of every account on the latest health date.
with

accounts as (

    {{ latest_accounts() }}

),

tags as (

    select * from {{ ref('int_account_tags_on') }}

),

tag_table as (

    select is_present
    from {{ ref('raw_tables') }}
    where table_name = 'account_tags'

),

{% for kind in ['risk', 'confidence'] %}
{{ kind }}_tags as (

    select
        account_id,
        {{ json_text_list('tag') }} as tags
    from tags
    where kind = '{{ kind }}'
    group by account_id

),
{% endfor %}
-- Of several notes of a tag the one added last, then the greatest as text.
notes as (

    select
        account_id,
        tag,
        note,
        row_number() over (
            partition by account_id, tag
            order by added_at desc, note desc
        ) as position
    from tags
    where note is not null

),

tag_notes as (

    select
        account_id,
        {{ json_text_object('tag', 'note') }} as notes
    from notes
    where position = 1
    group by account_id

)

select
    accounts.health_date,
    accounts.account_id,
    cast(assessments.risk_score as double) as risk_score,
    assessments.assessed_at as risk_score_at,
    assessments.author as risk_author,
    assessments.note as risk_note,
    case when tag_table.is_present then coalesce(risk_tags.tags, '[]') end as risk_tags,
    case when tag_table.is_present then coalesce(confidence_tags.tags, '[]') end
        as confidence_tags,
    case when tag_table.is_present then coalesce(tag_notes.notes, '{}') end as tag_notes
from accounts
cross join tag_table
left join {{ ref('int_latest_risk_assessments') }} as assessments
    on accounts.account_id = assessments.account_id
left join risk_tags on accounts.account_id = risk_tags.account_id
left join confidence_tags on accounts.account_id = confidence_tags.account_id
left join tag_notes on accounts.account_id = tag_notes.account_id
