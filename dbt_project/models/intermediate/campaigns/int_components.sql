with

members as (

    select * from {{ ref('int_suspected_members') }}

),

evidence as (

    select * from {{ ref('int_account_evidence') }}

),

edges as (

    select
        m.account_key,
        m.group_id,
        e.account_ordinal as node_label

    from members as m
    inner join evidence as e on m.account_key = e.account_key

),

{{ min_label_components('edges', var('component_rounds') | int) }},

sizes as (

    select
        component_label,
        count(*) as member_count,
        min(account_key) as first_account_key

    from components
    group by component_label

)

select
    c.account_key,
    c.component_label,
    {{ stable_key("cast(" ~ run_date() ~ " as varchar) || '|' || s.first_account_key") }} as cluster_id,
    s.member_count

from components as c
inner join sizes as s on c.component_label = s.component_label
where s.member_count >= {{ var('group_members_minimum') | int }}
