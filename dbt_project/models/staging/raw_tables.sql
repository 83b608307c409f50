-- One row per raw table: is it there, where, and why it cannot be read; one that cannot counts as
-- absent. A table without files is there where rows of it were entered.
with

files as (

    select * from {{ ref('raw_table_files') }}

),

entered as (

    {{ tables_with_entered_rows(ref('base_health_entries')) | indent }}

)

select
    files.table_name,
    files.is_readable or (files.problem is null and entered.table_name is not null) as is_present,
    files.location,
    files.problem
from files
left join entered on files.table_name = entered.table_name
