{#- The texts of a group as one, joined by ` | `, in the order of an expression and then of the texts. -#}
{% macro join_texts(expression, order_by) -%}
    {{ return(adapter.dispatch('join_texts')(expression, order_by)) }}
{%- endmacro %}
{% macro default__join_texts(expression, order_by) -%}
    string_agg({{ expression }}, ' | ' order by {{ order_by }}, {{ expression }})
{%- endmacro %}
{% macro spark__join_texts(expression, order_by) -%}
    array_join(
        transform(array_sort(collect_list(struct({{ order_by }} as place, {{ expression }} as told))), x -> x.told), ' | '
    )
{%- endmacro %}
