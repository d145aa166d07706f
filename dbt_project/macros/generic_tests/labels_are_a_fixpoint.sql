{#- Accounts that share a group that connects but not a component: the label propagation stopped too early. -#}
{% test labels_are_a_fixpoint(model) %}
    with
    joined as (
        select m.group_id, c.component_label
        from {{ ref('int_component_edges') }} as m
        inner join {{ model }} as c on m.account_key = c.account_key
    )
    select group_id
    from joined
    group by group_id
    having min(component_label) <> max(component_label)
{% endtest %}
