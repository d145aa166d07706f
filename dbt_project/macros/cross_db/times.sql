{#- Whole seconds between two instants. -#}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between')(earlier, later)) }}
{%- endmacro %}
{% macro default__seconds_between(earlier, later) -%} date_diff('second', {{ earlier }}, {{ later }}) {%- endmacro %}
{% macro spark__seconds_between(earlier, later) -%} timestampdiff(second, {{ earlier }}, {{ later }}) {%- endmacro %}

{#- Whole days from one UTC day to another. -#}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between')(earlier, later)) }}
{%- endmacro %}
{% macro default__days_between(earlier, later) -%} date_diff('day', {{ earlier }}, {{ later }}) {%- endmacro %}
{% macro spark__days_between(earlier, later) -%} datediff({{ later }}, {{ earlier }}) {%- endmacro %}
