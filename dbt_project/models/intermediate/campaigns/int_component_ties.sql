with

components as (

    select * from {{ ref('int_components') }}

),

exits as (

    select * from {{ ref('int_component_exits') }}

),

registry_groups as (

    -- the day and network of sign-up are no second witness beside where accounts come from
    select group_id
    from {{ ref('int_groups__scored') }}
    where is_flagged and not is_text and identifier_type <> 'signup_burst'

),

group_members as (

    select * from {{ ref('int_group_members') }}

),

sizes as (

    select
        component_label,
        count(*) as account_count

    from components
    group by component_label

),

component_exits as (

    select
        component_label,
        ip_hex,
        max(case when is_own then 1 else 0 end) = 1 as is_own

    from exits
    group by component_label, ip_hex

),

shared_exits as (

    select
        a.component_label,
        b.component_label as other_label,
        count(*) as shared_exit_count

    from component_exits as a
    inner join component_exits as b on a.ip_hex = b.ip_hex and a.component_label < b.component_label
    where a.is_own
    group by a.component_label, b.component_label

),

address_counts as (

    select
        account_key,
        count(*) as address_count

    from exits
    group by account_key

),

account_shares as (

    select
        a.component_label,
        b.component_label as other_label,
        a.account_key,
        count(*) as shared_count

    from exits as a
    inner join component_exits as b on a.ip_hex = b.ip_hex and a.component_label <> b.component_label
    where a.is_own
    group by a.component_label, b.component_label, a.account_key

),

neighbours as (

    -- accounts of a component that mostly come from where the other does, too: one that strayed is not many
    select
        s.component_label,
        s.other_label,
        count(*) as neighbour_count

    from account_shares as s
    inner join address_counts as n on s.account_key = n.account_key
    where s.shared_count >= {{ var('cluster_exit_ratio_minimum') }} * n.address_count
    group by s.component_label, s.other_label

),

holders as (

    select
        c.component_label,
        g.group_id,
        count(*) as holder_count

    from components as c
    inner join group_members as m on c.account_key = m.account_key
    inner join registry_groups as g on m.group_id = g.group_id
    group by c.component_label, g.group_id

),

typical as (

    -- values of which enough of a component's accounts hold one for it to be how the component registers
    select
        h.component_label,
        h.group_id

    from holders as h
    inner join sizes as s on h.component_label = s.component_label
    where h.holder_count >= {{ var('cluster_registration_ratio_minimum') }} * s.account_count

),

shared_registrations as (

    select
        a.component_label,
        b.component_label as other_label,
        count(*) as shared_registration_count

    from typical as a
    inner join typical as b on a.group_id = b.group_id and a.component_label < b.component_label
    group by a.component_label, b.component_label

)

select
    e.component_label,
    e.other_label,
    e.shared_exit_count,
    f.neighbour_count,
    b.neighbour_count as other_neighbour_count,
    r.shared_registration_count

from shared_exits as e
inner join shared_registrations as r on e.component_label = r.component_label and e.other_label = r.other_label
inner join neighbours as f on e.component_label = f.component_label and e.other_label = f.other_label
inner join neighbours as b on e.component_label = b.other_label and e.other_label = b.component_label
inner join sizes as k on e.component_label = k.component_label
inner join sizes as l on e.other_label = l.component_label
where e.shared_exit_count >= {{ var('cluster_exits_minimum') | int }}
    and f.neighbour_count >= {{ var('cluster_account_ratio_minimum') }} * k.account_count
    and b.neighbour_count >= {{ var('cluster_account_ratio_minimum') }} * l.account_count
