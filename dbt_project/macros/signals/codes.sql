{% macro capability_codes() -%}
    {{ return(['reasoning', 'coding', 'agentic_tool_use', 'computer_use', 'computer_vision', 'data_analysis',
               'grading', 'rewriting', 'kernel_engineering', 'cyber', 'general']) }}
{%- endmacro %}

{% macro technique_codes() -%}
    {{ return(['reasoning_elicitation', 'rubric_grading', 'trace_cleaning', 'censorship_safe_rewriting',
               'jailbreak', 'model_identity_probe', 'quality_probe', 'bulk_instruction']) }}
{%- endmacro %}

{#- Exchanges of an account with a technique; one with two techniques counts twice. -#}
{% macro technique_sum(relation) -%}
    ({% for code in technique_codes() %}{{ relation }}.technique_{{ code }}_count{{ " + " if not loop.last }}{% endfor %})
{%- endmacro %}

{#- Labels of address ranges that hide where a client really is. -#}
{% macro hiding_labels() -%}
    ('proxy', 'hosting', 'vpn', 'tor', 'cloud')
{%- endmacro %}

{#- Families of evidence about what is asked, not when, by whom or how much. -#}
{% macro content_families() -%}
    ('reasoning', 'grader', 'rewriting', 'probing', 'replay', 'content', 'focus')
{%- endmacro %}

{#- Families of evidence that accounts hide where or who they are. Being new, searching and going round refusals are none. -#}
{% macro hiding_families() -%}
    ('network', 'identity', 'failover')
{%- endmacro %}
