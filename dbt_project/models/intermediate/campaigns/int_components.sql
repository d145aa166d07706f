with

members as (

    select * from {{ ref('int_suspected_members') }}

),

edges as (

    select * from {{ ref('int_component_edges') }}

),

{{ min_label_components('edges', var('component_rounds') | int) }},

others as (

    -- members through what connects nobody
    select m.*
    from members as m
    where m.group_id not in (select group_id from edges)

),

dominated_counts as (

    select
        m.group_id,
        c.component_label,
        count(*) as component_member_count,
        row_number() over (partition by m.group_id order by count(*) desc, c.component_label) as dominance

    from others as m
    inner join components as c on m.account_key = c.account_key
    group by m.group_id, c.component_label

),

group_sizes as (

    select
        group_id,
        count(*) as member_count

    from others
    group by group_id

),

dominated_groups as (

    -- a group of shared registration or plain text belongs to the component that holds at least half of it
    select
        d.group_id,
        d.component_label

    from dominated_counts as d
    inner join group_sizes as s on d.group_id = s.group_id
    where d.dominance = 1 and d.component_member_count >= 0.5 * s.member_count

),

attached as (

    select
        m.account_key,
        d.component_label,
        row_number() over (partition by m.account_key order by m.group_bits desc, m.group_id) as preference

    from others as m
    inner join dominated_groups as d on m.group_id = d.group_id
    left join components as c on m.account_key = c.account_key
    where c.account_key is null

),

all_accounts as (

    select
        account_key,
        component_label

    from components
    union all
    select
        account_key,
        component_label

    from attached
    where preference = 1

),

sizes as (

    select
        component_label,
        count(*) as member_count

    from all_accounts
    group by component_label

)

select
    a.account_key,
    a.component_label,
    s.member_count

from all_accounts as a
inner join sizes as s on a.component_label = s.component_label
where s.member_count >= {{ var('group_members_minimum') | int }}
