with

members as (

    select * from {{ ref('int_suspected_members') }}

),

evidence as (

    select * from {{ ref('int_account_evidence') }}

),

text_accounts as (

    select distinct account_key from members
    where is_text

),

registry_groups as (

    -- How much of a group tied by registration or client is tied by text, and whether there is text to see.
    select
        m.group_id,
        count(t.account_key) as text_account_count,
        count(case when e.text_count > 0 then 1 end) as visible_account_count,
        count(*) as member_count

    from members as m
    inner join evidence as e on m.account_key = e.account_key
    left join text_accounts as t on m.account_key = t.account_key
    where not m.is_text
    group by m.group_id

),

edges as (

    -- Shared text connects. Shared registration connects only where no text was delivered to judge by:
    -- two networks that bought cards from one shop are still two networks.
    select
        m.account_key,
        m.group_id,
        e.account_ordinal as node_label

    from members as m
    inner join evidence as e on m.account_key = e.account_key
    left join registry_groups as r on m.group_id = r.group_id
    where m.is_text or (r.text_account_count = 0 and r.visible_account_count = 0)

),

{{ min_label_components('edges', var('component_rounds') | int) }},

dominated_counts as (

    select
        m.group_id,
        c.component_label,
        count(*) as component_member_count,
        row_number() over (partition by m.group_id order by count(*) desc, c.component_label) as dominance

    from members as m
    inner join components as c on m.account_key = c.account_key
    where not m.is_text
    group by m.group_id, c.component_label

),

dominated_groups as (

    -- a group of shared registration belongs to the component that holds at least half of it
    select
        d.group_id,
        d.component_label

    from dominated_counts as d
    inner join registry_groups as r on d.group_id = r.group_id
    where d.dominance = 1 and d.component_member_count >= 0.5 * r.member_count

),

attached as (

    select
        m.account_key,
        d.component_label,
        row_number() over (partition by m.account_key order by m.group_bits desc, m.group_id) as preference

    from members as m
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
        count(*) as member_count,
        min(account_key) as first_account_key

    from all_accounts
    group by component_label

)

select
    a.account_key,
    a.component_label,
    {{ stable_key("cast(" ~ run_date() ~ " as varchar) || '|' || s.first_account_key") }} as cluster_id,
    s.member_count

from all_accounts as a
inner join sizes as s on a.component_label = s.component_label
where s.member_count >= {{ var('group_members_minimum') | int }}
