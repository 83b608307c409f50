{#- Formats of times (`time_format` of raw_values.csv): the codes of strptime that every engine can do, as
    DuckDB reads them. Left out are codes of weeks, which need a year of their own, names of zones, of
    which engines have different lists, and `%n`, which rounds nanoseconds where they must be cut. -#}

{#- By code: which part of a time it says (none: it is passed over), and a regular expression of Java
    for what it takes. A number takes all the digits that it may have, and an offset all that may belong to
    it: 45 is no day, and not the 4th with a 5 after it. -#}
{% macro time_codes() %}
    {%- set months = 'january|february|march|april|may|june|july|august|september|october'
        '|november|december' -%}
    {%- set days = 'monday|tuesday|wednesday|thursday|friday|saturday|sunday' -%}
    {{ return({
        'Y': {'part': 'year', 'takes': '[0-9]{1,4}+'},
        'y': {'part': 'year', 'takes': '[0-9]{1,2}+'},
        'm': {'part': 'month', 'takes': '0[1-9]|1[0-2]|[1-9](?![0-9])'},
        'b': {'part': 'month', 'takes': '(?i:' ~ short_names(months) ~ ')'},
        'B': {'part': 'month', 'takes': '(?i:' ~ months ~ ')'},
        'd': {'part': 'day', 'takes': '0[1-9]|[12][0-9]|3[01]|[1-9](?![0-9])'},
        'j': {
            'part': 'day of year',
            'takes': '00[1-9]|0[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-6]'
                '|(?:0[1-9]|[1-9][0-9]?)(?![0-9])',
        },
        'a': {'part': none, 'takes': '(?i:' ~ short_names(days) ~ ')'},
        'A': {'part': none, 'takes': '(?i:' ~ days ~ ')'},
        'H': {'part': 'hour', 'takes': '[01][0-9]|2[0-3]|[0-9](?![0-9])'},
        'I': {'part': 'hour', 'takes': '0[1-9]|1[0-2]|[1-9](?![0-9])'},
        'p': {'part': 'half of day', 'takes': '(?i:[ap]m)'},
        'M': {'part': 'minute', 'takes': '[0-5][0-9]|[0-9](?![0-9])'},
        'S': {'part': 'second', 'takes': '[0-5][0-9]|[0-9](?![0-9])'},
        'f': {'part': 'fraction', 'takes': '[0-9]{1,6}+'},
        'z': {
            'part': 'offset',
            'takes': '[+-][0-9]{2}(?:[0-9]{2}|:[0-9]{2}(?::[0-9]{2}|(?!:))|(?![0-9:]))',
        },
    }) }}
{% endmacro %}

{% macro short_names(names) %}
    {{ return(modules.re.sub('([a-z]{3})[a-z]*', '\\1', names)) }}
{% endmacro %}

{#- Codes that stand for several. -#}
{% macro time_codes_in_short() %}
    {{ return({
        'c': '%Y-%m-%d %H:%M:%S',
        'x': '%Y-%m-%d',
        'X': '%H:%M:%S',
        'T': '%H:%M:%S',
    }) }}
{% endmacro %}

{% macro time_code_letters() %}
    {{ return(time_codes() | list + time_codes_in_short() | list + ['%']) }}
{% endmacro %}

{#- Condition that a text is a format that `parse_time` can be told: of these codes alone, one at least of
    a date. -#}
{% macro is_time_format(text) -%}
{%- set code = '%(-?[ymdjHIMS]|[' ~ time_code_letters() | join ~ '])' -%}
{%- set code_of_date = '%(-?[ymdj]|[YbBcx])' -%}
regexp_replace(
            {{ text }},
            '^[^%]*({{ code }}[^%]*)*{{ code_of_date }}[^%]*({{ code }}[^%]*)*$',
            '%Y'
        ) = '%Y'
{%- endmacro %}

{#- The codes of a format and the texts between them, in their order. -#}
{% macro pieces_of_time_format(format) %}
    {{ return(modules.re.findall('(?s)%-?.?|[^%]+', format)) }}
{% endmacro %}

{#- How a format is read by an engine whose own formats are others: {'takes': a regular expression of Java
    for the whole text, 'parts': {part: [code, its group there]}}. The last code of a part counts, white
    space takes any white space, and a day of the year counts where no number of a month or day stands.
    No text that begins with `epoch` or `infinity` is taken: DuckDB reads these words in every format. -#}
{% macro reading_of_time_format(format) %}
    {%- set time_codes = time_codes() -%}
    {%- set nothing = {'part': none, 'takes': '(?!)'} -%}
    {%- set takes = ['(?s)^\\s*+(?!(?i:epoch|-?infinity))'] -%}
    {%- set parts = {} -%}
    {%- set codes = [] -%}
    {%- set in_short = time_codes_in_short() -%}
    {%- set written_out = [] -%}
    {%- for piece in pieces_of_time_format(format) -%}
        {%- do written_out.append(in_short.get(piece[1:], piece) if piece[0] == '%' else piece) -%}
    {%- endfor -%}
    {%- for piece in pieces_of_time_format(written_out | join) -%}
        {%- if piece == '%%' or piece[0] != '%' -%}
            {%- for word in modules.re.split('[ \t\n\x0b\x0c\r]+', piece.replace('%%', '%')) -%}
                {%- do takes.append('\\s++') if not loop.first -%}
                {%- do takes.append(modules.re.escape(word)) -%}
            {%- endfor -%}
        {%- else -%}
            {%- set code = piece[1:].lstrip('-') -%}
            {%- set read = time_codes.get(code, nothing) -%}
            {#- DuckDB takes nothing for a second day of the year. -#}
            {%- set is_second = code == 'j' and 'j' in codes and not ('m' in codes or 'd' in codes) -%}
            {%- do takes.append('(' ~ (nothing if is_second else read).takes ~ ')') -%}
            {%- do codes.append(code) -%}
            {%- do parts.update({read.part: [code, codes | length]}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if 'm' in codes or 'd' in codes -%}{%- do parts.pop('day of year', none) -%}{%- endif -%}
    {%- do takes.append('\\s*+(?!.)') -%}
    {{ return({'takes': takes | join, 'parts': parts}) }}
{% endmacro %}
