with

all_components as (

    select distinct component_label
    from {{ ref('int_components') }}

),

ties as (

    select * from {{ ref('int_component_ties') }}

),

edges as (

    -- the graph of components: a component is the node, a tie of two is what they have in common
    select
        component_label as account_key,
        component_label as node_label,
        cast(component_label as varchar) || '-' || cast(other_label as varchar) as group_id

    from ties
    union all
    select
        other_label as account_key,
        other_label as node_label,
        cast(component_label as varchar) || '-' || cast(other_label as varchar) as group_id

    from ties

),

{{ min_label_components('edges', var('component_rounds') | int) }}

select
    a.component_label,
    coalesce(c.component_label, a.component_label) as cluster_label

from all_components as a
left join components as c on a.component_label = c.account_key
