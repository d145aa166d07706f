{#-
    Connected components of a bipartite graph by min-label propagation, in plain SQL for every engine.
    `edges` names a CTE with integer `node_label` (unique per account), account_key and group_id. Each round
    gives every group the smallest label of its accounts and every account the smallest of its groups; the
    count of rounds bounds the radius that is found, and a test asserts that one more round changes nothing.
    The result is the CTE `components` with account_key and component_label.
-#}
{% macro min_label_components(edges, rounds) -%}
labels_0 as {{ evaluated_once() }} (

    select
        account_key,
        min(node_label) as component_label

    from {{ edges }}
    group by account_key

),

{% for round in range(1, rounds + 1) -%}
group_labels_{{ round }} as {{ evaluated_once() }} (

    select
        e.group_id,
        min(l.component_label) as component_label

    from {{ edges }} as e
    inner join labels_{{ round - 1 }} as l on e.account_key = l.account_key
    group by e.group_id

),

labels_{{ round }} as {{ evaluated_once() }} (

    select
        e.account_key,
        min(g.component_label) as component_label

    from {{ edges }} as e
    inner join group_labels_{{ round }} as g on e.group_id = g.group_id
    group by e.account_key

),

{% endfor -%}
components as (

    select * from labels_{{ rounds }}

)
{%- endmacro %}
