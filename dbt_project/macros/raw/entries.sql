{#- What people enter (raw table `health_entries`) acts on other raw tables: it makes rows of them, and ends
    rows (docs/raw_tables.md, "Entries"). The `entries` of a table in `_staging__sources.yml` say which kinds
    of entries do so: `made_by`, with the column of the entry that fills each column (`filled_from`), and
    `ended_by`, with the column of the `end`. -#}

{#- Whether entries act on a raw table. One that cannot be read counts as absent whatever is entered.

    definition: as `raw_definition` gives it
    file: as `raw_table` gives it -#}
{% macro takes_entries(definition, file) %}
    {{ return(
        (definition.entries or false)
        and not (file and file.problem)
        and is_readable(raw_table('health_entries'))
    ) }}
{% endmacro %}

{#- The raw tables of which rows were entered: (table_name). -#}
{% macro tables_with_entered_rows(entries) -%}
select distinct
    case kind
        {%- for table in raw_table_names() if raw_definition(table).entries %}
        when '{{ raw_definition(table).entries.made_by }}' then '{{ table }}'
        {%- endfor %}
    end as table_name
from {{ entries }}
where rejected_reason is null
{%- endmacro %}

{#- Rows of a raw table that were entered, as its files would hold them: all columns are texts. -#}
{% macro entered_rows(definition, columns, entries) -%}
{%- set kinds = {} -%}
{%- for column in raw_definition('health_entries').columns -%}
    {%- do kinds.update({column.name: column.kind}) -%}
{%- endfor -%}
select
        {%- for column in columns %}
        {% set name = definition.entries.filled_from.get(column.name) -%}
        {%- if not name -%}
            cast(null as {{ dbt.type_string() }})
        {%- elif name == 'entry_id' -%}
            {{ entered_id(name) }}
        {%- elif kinds[name] == 'number' -%}
            {{ native_text(name, 'DOUBLE') }}
        {%- elif kinds[name] == 'time' -%}
            cast({{ name }} as {{ dbt.type_string() }})
        {%- else -%}
            {{ name }}
        {%- endif %} as {{ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ entries }}
    where kind = '{{ definition.entries.made_by }}' and rejected_reason is null
{%- endmacro %}

{#- The id of a row that was entered. -#}
{% macro entered_id(entry_id) -%}'entry:' || {{ entry_id }}{%- endmacro %}

{#- When rows of the step `ignored` of `validated_rows` are ended by an entry: the columns that find a row,
    and `ended_at`. A row that ended before by itself is not told apart here. -#}
{% macro ends_by_entries(raw, entries) -%}
{%- if raw.entries.ended_by == 'tag_off' -%}
select
    tags.account_id,
    tags.tag,
    tags.kind__value,
    tags.added_at__value,
    min(entries.entered_at) as ended_at
from (
    select distinct
        account_id,
        tag,
        kind__value,
        added_at__value
    from ignored
) as tags
inner join {{ entries }} as entries
    on tags.account_id = entries.account_id
    and tags.tag = entries.tag
    and tags.kind__value = coalesce(entries.tag_kind, tags.kind__value)
    and tags.added_at__value <= entries.entered_at
where entries.kind = 'tag_off' and entries.rejected_reason is null
group by
    tags.account_id,
    tags.tag,
    tags.kind__value,
    tags.added_at__value
{%- else -%}
select
    refers_to as override_id,
    min(entered_at) as ended_at
from {{ entries }}
where kind = 'override_off' and rejected_reason is null
group by refers_to
{%- endif -%}
{%- endmacro %}

{#- The columns by which `ends_by_entries` finds a row. -#}
{% macro ended_by_columns(raw) %}
    {{ return(
        ['account_id', 'tag', 'kind__value', 'added_at__value']
        if raw.entries.ended_by == 'tag_off' else ['override_id']
    ) }}
{% endmacro %}
