-- Cells that are not what `_configuration__seeds.yml` says of their column, columns that a file
-- lacks, and keys that stand there twice. One row per mistake.
with

columns as (

    select * from {{ ref('config_columns') }}

),

known_names as (

    select * from {{ ref('config_known_names') }}

),

cells as (

    select
        cells.row_key,
        cells.cell,
        columns.*
    from {{ ref('config_cells') }} as cells
    inner join columns
        on cells.seed = columns.seed
        and cells.column_name = columns.column_name

),

missing_columns as (

    select missing.*
    from (
        values
        {%- for seed, column in missing_configuration_columns() if execute %}
        ('{{ seed }}', '{{ column }}'),
        {%- endfor %}
        (null, null)
    ) as missing (seed, column_name)
    where missing.seed is not null

),

words as (

    {{ list_values('columns', ['seed', 'column_name'], 'words') }}

),

other_names as (

    {{ list_values('columns', ['seed', 'column_name'], 'also') }}

),

-- What each column that names something can name.
column_names as (

    select
        columns.seed,
        columns.column_name,
        known_names.known_name
    from columns
    inner join known_names on columns.names = known_names.what

    union

    select
        seed,
        column_name,
        value as known_name
    from other_names

),

listed_names as (

    select
        seed,
        column_name,
        {{ dbt.listagg('known_name', "', '", 'order by known_name') }} as known_names
    from column_names
    group by seed, column_name

),

repeated_keys as (

    select
        seed,
        row_key,
        count(*) as key_rows
    from cells
    where position = 1
    group by seed, row_key
    having count(*) > 1

),

unknown_names as (

    select
        cells.*,
        listed_names.known_names
    from cells
    left join column_names
        on cells.seed = column_names.seed
        and cells.column_name = column_names.column_name
        and cells.cell = column_names.known_name
    left join listed_names
        on cells.seed = listed_names.seed
        and cells.column_name = listed_names.column_name
    where
        cells.names is not null
        and cells.cell is not null
        and column_names.known_name is null

),

unknown_words as (

    select cells.*
    from cells
    left join words
        on cells.seed = words.seed
        and cells.column_name = words.column_name
        and words.value
        = case when cells.kind = 'boolean' then lower(cells.cell) else cells.cell end
    where
        cells.words is not null
        and cells.cell is not null
        and words.value is null

),

numbers as (

    select
        *,
        {{ parse_number('cell') }} as number
    from cells
    where kind = 'number' and cell is not null

),

wrong_numbers as (

    select *
    from numbers
    where
        number is null
        or number < minimum
        or number > maximum
        or number <= above
        or (is_whole and number <> floor(number))

),

mistakes as (

    select
        seed,
        'header' as row_key,
        {{ sentence("column `{}` is missing.", ["column_name"]) }} as problem,
        'Add it; leave its cells empty where they say nothing.' as cure
    from missing_columns

    union all

    select
        seed,
        row_key,
        {{ sentence("`{}` is empty.", ["column_name"]) }} as problem,
        'Fill it.' as cure
    from cells
    where required and cell is null

    union all

    select
        seed,
        row_key,
        {{ sentence(
            "there are {} rows with this key.",
            ["cast(key_rows as " ~ dbt.type_string() ~ ")"],
        ) }} as problem,
        'Keep one of them.' as cure
    from repeated_keys

    union all

    select
        seed,
        row_key,
        {{ sentence(
            "`{}` names the {} {}, which is unknown.", ["column_name", "names", "cell"]
        ) }} as problem,
        {{ sentence("Known are: {}.", ["coalesce(known_names, 'none')"]) }} as cure
    from unknown_names

    union all

    select
        seed,
        row_key,
        {{ sentence("`{}` is {}.", ["column_name", "cell"]) }} as problem,
        {{ sentence("It can be: {}.", ["replace(words, '|', ', ')"]) }} as cure
    from unknown_words

    union all

    select
        seed,
        row_key,
        {{ sentence("`{}` is {}.", ["column_name", "cell"]) }} as problem,
        {{ sentence("It must be {}.", ["coalesce(must_be, 'a number')"]) }} as cure
    from wrong_numbers

)

select
    seed || '.csv' as file_name,
    row_key,
    problem,
    cure
from mistakes
