{#- The run's UTC day as a date literal. A value that is not a day stops the compilation: vars become SQL. -#}
{% macro run_date() -%}
    {%- set text = var('run_date') | string -%}
    {%- if not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', text) -%}
        {{ exceptions.raise_compiler_error("var run_date is " ~ text ~ ", not a day written YYYY-MM-DD") }}
    {%- endif -%}
    cast('{{ text }}' as date)
{%- endmacro %}

{#- The first instant after the run's day. -#}
{% macro run_end() -%}
    cast({{ run_date() }} + interval '1' day as timestamptz)
{%- endmacro %}

{#- Whether a UTC day lies in the evidence window that ends with the run's day. -#}
{% macro in_evidence_window(date_column) -%}
    ({{ date_column }} > {{ run_date() }} - interval '{{ var("evidence_window_days") | int }}' day
    and {{ date_column }} <= {{ run_date() }})
{%- endmacro %}
