{#- Rows of a list column: `from relation, unnest` differs between engines. Use as a from-item. -#}
{% macro unnest_list(relation, column, alias) -%}
    {{ return(adapter.dispatch('unnest_list')(relation, column, alias)) }}
{%- endmacro %}
{% macro default__unnest_list(relation, column, alias) -%}
    {{ relation }} cross join unnest({{ relation }}.{{ column }}) as unnested({{ alias }})
{%- endmacro %}
{% macro spark__unnest_list(relation, column, alias) -%}
    {{ relation }} lateral view explode({{ relation }}.{{ column }}) unnested as {{ alias }}
{%- endmacro %}

{#- Whether a list column holds a value; null if the list is null. -#}
{% macro list_has(column, value) -%}
    {{ return(adapter.dispatch('list_has')(column, value)) }}
{%- endmacro %}
{% macro default__list_has(column, value) -%} list_contains({{ column }}, {{ value }}) {%- endmacro %}
{% macro spark__list_has(column, value) -%} array_contains({{ column }}, {{ value }}) {%- endmacro %}

{#- Sorted distinct values of a group as a JSON list of strings. -#}
{% macro json_list_of(expression) -%}
    {{ return(adapter.dispatch('json_list_of')(expression)) }}
{%- endmacro %}
{% macro default__json_list_of(expression) -%}
    coalesce(cast(to_json(list_sort(list_distinct(list({{ expression }}) filter ({{ expression }} is not null)))) as varchar), '[]')
{%- endmacro %}
{% macro spark__json_list_of(expression) -%}
    to_json(array_sort(collect_set({{ expression }})))
{%- endmacro %}

{#- A list column as a JSON list of strings. -#}
{% macro json_of_list(column) -%}
    {{ return(adapter.dispatch('json_of_list')(column)) }}
{%- endmacro %}
{% macro default__json_of_list(column) -%} cast(to_json({{ column }}) as varchar) {%- endmacro %}
{% macro spark__json_of_list(column) -%} to_json({{ column }}) {%- endmacro %}

{#- One JSON object {name: number} out of rows, names sorted. -#}
{% macro json_object_of(name, number) -%}
    {{ return(adapter.dispatch('json_object_of')(name, number)) }}
{%- endmacro %}
{% macro default__json_object_of(name, number) -%}
    '{' || coalesce(string_agg('"' || {{ name }} || '": ' || {{ number }}, ', ' order by {{ name }}), '') || '}'
{%- endmacro %}
{% macro spark__json_object_of(name, number) -%}
    '{' || array_join(array_sort(collect_list('"' || {{ name }} || '": ' || {{ number }})), ', ') || '}'
{%- endmacro %}

{#- A short stable key of a text, for hubs and evidence rows. -#}
{% macro stable_key(expression) -%}
    substr(md5({{ expression }}), 1, 16)
{%- endmacro %}

{#- Text of a number with a fixed count of decimals. -#}
{% macro number_text(expression, decimals=0) -%}
    {{ return(adapter.dispatch('number_text')(expression, decimals)) }}
{%- endmacro %}
{% macro default__number_text(expression, decimals=0) -%}
    {%- if decimals == 0 -%} format('{:,}', cast(round({{ expression }}) as bigint))
    {%- else -%} format('{:.{{ decimals }}f}', cast({{ expression }} as double)) {%- endif -%}
{%- endmacro %}
{% macro spark__number_text(expression, decimals=0) -%} format_number({{ expression }}, {{ decimals }}) {%- endmacro %}

{#-
    For each probe row, the one range of the same feed that may hold its address, if any. The ranges of a
    feed are disjoint, so the last range that starts at or before the address is the only candidate: the
    caller compares its end. Both sides have ip_hex or start_hex and end_hex, and the column `key` that
    tells the feed; a number costs less than a name (benchmarks/match_ranges.py).
-#}
{% macro join_ranges(probes, ranges, key='feed_id') -%}
    {{ return(adapter.dispatch('join_ranges')(probes, ranges, key)) }}
{%- endmacro %}
{% macro default__join_ranges(probes, ranges, key) -%}
    {{ probes }}
    asof inner join {{ ranges }}
        on {{ probes }}.{{ key }} = {{ ranges }}.{{ key }} and {{ probes }}.ip_hex >= {{ ranges }}.start_hex
{%- endmacro %}
{% macro spark__join_ranges(probes, ranges, key) -%}
    {{ probes }}
    inner join {{ ranges }}
        on {{ probes }}.{{ key }} = {{ ranges }}.{{ key }}
        and {{ probes }}.ip_hex >= {{ ranges }}.start_hex and {{ probes }}.ip_hex <= {{ ranges }}.end_hex
{%- endmacro %}

{#- Length of a list column; null if the list is null. -#}
{% macro list_length(column) -%}
    {{ return(adapter.dispatch('list_length')(column)) }}
{%- endmacro %}
{% macro default__list_length(column) -%} len({{ column }}) {%- endmacro %}
{% macro spark__list_length(column) -%} size({{ column }}) {%- endmacro %}

{#- A text split into a list at a separator. -#}
{% macro split_text(expression, separator) -%}
    {{ return(adapter.dispatch('split_text')(expression, separator)) }}
{%- endmacro %}
{% macro default__split_text(expression, separator) -%} string_split({{ expression }}, '{{ separator }}') {%- endmacro %}
{% macro spark__split_text(expression, separator) -%} split({{ expression }}, '{{ separator }}') {%- endmacro %}

{#- Marks a CTE that is computed once, so that a long chain of them is not planned as one expression. -#}
{% macro evaluated_once() -%} {{ return(adapter.dispatch('evaluated_once')()) }} {%- endmacro %}
{% macro default__evaluated_once() -%} materialized {%- endmacro %}
{% macro spark__evaluated_once() -%} {%- endmacro %}

{#- The first values of a list column. -#}
{% macro first_of_list(column, count) -%} {{ return(adapter.dispatch('first_of_list')(column, count)) }} {%- endmacro %}
{% macro default__first_of_list(column, count) -%} list_slice({{ column }}, 1, {{ count }}) {%- endmacro %}
{% macro spark__first_of_list(column, count) -%} slice({{ column }}, 1, {{ count }}) {%- endmacro %}
