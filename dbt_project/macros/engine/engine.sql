{#- What every engine spells in its own way: each macro here hands over to the body that the engine has in
    its folder (`duckdb/`, `spark/`). A new engine needs a folder with a body for each, and nothing else: a
    test lists those that are missing. What dbt itself hands over (materializations, seeds, lists in one
    text) stands in the folders too, where an engine needs another body than dbt's. What both engines say
    alike stands in the models. -#}

{#- A time as docs/raw_tables.md allows it, as a UTC timestamp; null for anything else. Fractions
    beyond microseconds are cut, because rounding up could carry a record over midnight.

    formats: other formats that are declared, tried first in their order -#}
{% macro parse_time(text, formats=()) %}
    {{ return(adapter.dispatch('parse_time', 'health')(text, formats)) }}
{% endmacro %}

{#- A finite decimal, sign and exponent allowed; null for anything else. -#}
{% macro parse_number(text) %}
    {{ return(adapter.dispatch('parse_number', 'health')(text)) }}
{% endmacro %}

{#- The same of a number in raw data, where commas may part groups of three digits. -#}
{% macro parse_grouped_number(text) %}
    {{ return(adapter.dispatch('parse_grouped_number', 'health')(text)) }}
{% endmacro %}

{% macro finite_number(number) %}
    {{ return(adapter.dispatch('finite_number', 'health')(number)) }}
{% endmacro %}

{#- A text as a literal. -#}
{% macro quoted(text) %}{{ return(adapter.dispatch('quoted', 'health')(text)) }}{% endmacro %}

{#- The unit of one: without the s that ends its first word. -#}
{% macro singular(unit) %}
    {{ return(adapter.dispatch('singular', 'health')(unit)) }}
{% endmacro %}

{#- A number that values that are the same share, and few that are not. -#}
{% macro hash_number(columns) %}
    {{ return(adapter.dispatch('hash_number', 'health')(columns)) }}
{% endmacro %}

{#- The text of the row of a group with the greatest time; the greatest text where none has a time. -#}
{% macro latest_text(text, time) %}
    {{ return(adapter.dispatch('latest_text', 'health')(text, time)) }}
{% endmacro %}

{#- Types of a raw file that hold a time or a number as it is, by kind of column. -#}
{% macro is_native_type(kind, type) %}
    {{ return(adapter.dispatch('is_native_type', 'health')(kind, type)) }}
{% endmacro %}

{#- A value as it is stored in a type of its kind, and the type of that. Times with a zone are UTC. -#}
{% macro native_value(stored) %}
    {{ return(adapter.dispatch('native_value', 'health')(stored)) }}
{% endmacro %}

{% macro native_column_type(type) %}
    {{ return(adapter.dispatch('native_column_type', 'health')(type)) }}
{% endmacro %}

{#- The text of such a value, and of a value of any other type. Whole doubles are written without the
    `.0` that they get where a program knew no missing integers, up to where doubles are exact. -#}
{% macro native_text(expression, type) %}
    {{ return(adapter.dispatch('native_text', 'health')(expression, type)) }}
{% endmacro %}

{% macro stored_text(stored) %}
    {{ return(adapter.dispatch('stored_text', 'health')(stored)) }}
{% endmacro %}

{% macro is_not_a_number(number) %}
    {{ return(adapter.dispatch('is_not_a_number', 'health')(number)) }}
{% endmacro %}

{#- The named columns as a JSON object of texts.

    texts: expressions of the text, by column; else the column itself is cast -#}
{% macro json_record(columns, texts={}) %}
    {{ return(adapter.dispatch('json_record', 'health')(columns, texts)) }}
{% endmacro %}

{#- Such an object as it is known again: without `loaded_at`, which changes with every load, and without what is
    null, which a column that is new is in all records. -#}
{% macro record_as_known(record) %}
    {{ return(adapter.dispatch('record_as_known', 'health')(record)) }}
{% endmacro %}

{#- Rows of a group as a JSON list of objects with the named columns, `[]` never: a group has rows.
    Columns are given as `relation.column`, texts, booleans or numbers. -#}
{% macro json_list(columns, order_by) %}
    {{ return(adapter.dispatch('json_list', 'health')(columns, order_by)) }}
{% endmacro %}

{#- The row of a group that comes first by its columns in their order, as one value with a field for each.
    A column is a name, or `expression as name`. And one field of such a value. -#}
{% macro least_row(columns) %}
    {{ return(adapter.dispatch('least_row', 'health')(columns)) }}
{% endmacro %}

{% macro field_of_row(row, field) %}
    {{ return(adapter.dispatch('field_of_row', 'health')(row, field)) }}
{% endmacro %}

{#- The distinct texts of a group as a sorted JSON list. -#}
{% macro json_text_list(text) %}
    {{ return(adapter.dispatch('json_text_list', 'health')(text)) }}
{% endmacro %}

{#- The rows of a group as a JSON object of texts, sorted by key; keys must not repeat. -#}
{% macro json_text_object(key, text) %}
    {{ return(adapter.dispatch('json_text_object', 'health')(key, text)) }}
{% endmacro %}

{#- Values below which shares of the known values of a group lie, between two values if need be: an array
    in the order of the shares, null without values; and one of an array, counted from 1. All at once, because
    each quantile by itself would keep every value. -#}
{% macro quantiles(number, shares) %}
    {{ return(adapter.dispatch('quantiles', 'health')(number, shares)) }}
{% endmacro %}

{% macro array_item(array, position) %}
    {{ return(adapter.dispatch('array_item', 'health')(array, position)) }}
{% endmacro %}

{#- One row per object of the list `name` in a JSON text: the keys of its row, and its members as text
    columns. -#}
{% macro json_rows(relation, keys, json_column, name, columns) %}
    {{ return(adapter.dispatch('json_rows', 'health')(
        relation, keys, json_column, name, columns
    )) }}
{% endmacro %}

{#- All rows of a table with the named columns as texts; one that the table lacks reads as null. -#}
{% macro text_rows(relation, columns) %}
    {{ return(adapter.dispatch('text_rows', 'health')(relation, columns)) }}
{% endmacro %}

{#- One row per part of a separated text, repeats kept: (columns..., value). -#}
{% macro split_rows(relation, columns, text_column, separator) %}
    {{ return(adapter.dispatch('split_rows', 'health')(
        relation, columns, text_column, separator
    )) }}
{% endmacro %}

{#- The sum of doubles, the same whatever the order in which threads add: a plain sum differs in its last
    digit, and what is rounded afterwards may then lie on either side of a tie. -#}
{% macro exact_sum(number) %}
    {{ return(adapter.dispatch('exact_sum', 'health')(number)) }}
{% endmacro %}

{#- Have two arrays a value in common. -#}
{% macro arrays_overlap(one, other) %}
    {{ return(adapter.dispatch('arrays_overlap', 'health')(one, other)) }}
{% endmacro %}

{% macro array_text(array) %}
    {{ return(adapter.dispatch('array_text', 'health')(array)) }}
{% endmacro %}

{#- One row per date from first to last: (health_date). -#}
{% macro dates_between(first, last) %}
    {{ return(adapter.dispatch('dates_between', 'health')(first, last)) }}
{% endmacro %}

{#- Each account with its parent, the parent's parent and so on, once, whether or not it comes to an end:
    (health_date, account_id, parent_account_id).

    links: relation with these columns, each account with its parent -#}
{% macro all_parents(links) %}
    {{ return(adapter.dispatch('all_parents', 'health')(links)) }}
{% endmacro %}

{#- Numbers from 0 to 62 as a set in one number: those of a group, and whether one is in it. Counts distinct
    days or features without a row for each. -#}
{% macro number_set(number) %}
    {{ return(adapter.dispatch('number_set', 'health')(number)) }}
{% endmacro %}

{% macro is_in_number_set(number, number_set) %}
    {{ return(adapter.dispatch('is_in_number_set', 'health')(number, number_set)) }}
{% endmacro %}

{#- Seconds since the epoch, fractions kept. -#}
{% macro epoch_seconds(time) %}
    {{ return(adapter.dispatch('epoch_seconds', 'health')(time)) }}
{% endmacro %}

{#- Lists of texts: null, and with nothing in it. -#}
{% macro no_texts() %}
    {{ return(adapter.dispatch('no_texts', 'health')()) }}
{% endmacro %}

{% macro empty_texts() %}
    {{ return(adapter.dispatch('empty_texts', 'health')()) }}
{% endmacro %}

{#- Stops the run where the warehouse has a name under which its tables cannot be found. -#}
{% macro check_database_name() %}
    {{ return(adapter.dispatch('check_database_name', 'health')()) }}
{% endmacro %}

{#- What the sender of alerts notes, and the model of alerts reads: made here, because dbt may be run
    before anything was ever sent. -#}
{% macro create_operations_tables() %}
    {{ return(adapter.dispatch('create_operations_tables', 'health')()) }}
{% endmacro %}

{#- How the files of a raw table are read, or none where the table is absent:
    {'location', 'problem' (why it cannot be read, or none), 'groups' ([{'relation' (to select from),
    'columns': {name: {'expression', 'type'}}}]), 'columns' (those of the contract that it has), ...}. -#}
{% macro raw_table(table) %}
    {{ return(adapter.dispatch('raw_table', 'health')(table)) }}
{% endmacro %}

{#- Where raw tables are looked for, in words that go on after "no table `accounts`", with the cure. -#}
{% macro where_raw_tables_are() %}
    {{ return(adapter.dispatch('where_raw_tables_are', 'health')()) }}
{% endmacro %}

{#- All that is there of raw tables as rows of `health.raw_files`. -#}
{% macro raw_files() %}
    {{ return(adapter.dispatch('raw_files', 'health')()) }}
{% endmacro %}

{#- The rows of `seeds/raw_values.csv` as texts; none where the folder lacks the file. -#}
{% macro raw_values() %}
    {{ return(adapter.dispatch('raw_values', 'health')()) }}
{% endmacro %}

{#- The ids of those who are to be erased (`user` or `account`), as the list of the house has them: a
    subquery, so that no compiled statement shows an id. -#}
{% macro erased_ids(kind) %}
    {{ return(adapter.dispatch('erased_ids', 'health')(kind)) }}
{% endmacro %}

{#- The statements of an incremental strategy: a model's new rows take the place of those for which the
    condition holds. -#}
{% macro replace_rows(arguments, condition) %}
    {{ return(adapter.dispatch('replace_rows', 'health')(arguments, condition)) }}
{% endmacro %}

{#- An expression that asks the warehouse, as a condition of `replace_rows` may have it. -#}
{% macro known_now(expression, type) %}
    {{ return(adapter.dispatch('known_now', 'health')(expression, type)) }}
{% endmacro %}

{#- What a hook gives to have statements run, given without their semicolons. -#}
{% macro run_statements(statements) %}
    {{ return(adapter.dispatch('run_statements', 'health')(statements)) }}
{% endmacro %}

{#- Whether a column may be null, by column and table (`schema.name`), of all tables of these relations that
    are there. -#}
{% macro columns_of_tables(relations) %}
    {{ return(adapter.dispatch('columns_of_tables', 'health')(relations)) }}
{% endmacro %}

{#- What follows `alter table ...` to add a column. -#}
{% macro added_column(name, type) %}
    {{ return(adapter.dispatch('added_column', 'health')(name, type)) }}
{% endmacro %}

{#- Where somebody runs a statement by hand, in words. -#}
{% macro where_statements_are_run() %}
    {{ return(adapter.dispatch('where_statements_are_run', 'health')()) }}
{% endmacro %}

{#- The schemas that have a table of this name, in order. -#}
{% macro schemas_with(table) %}
    {{ return(adapter.dispatch('schemas_with', 'health')(table)) }}
{% endmacro %}
