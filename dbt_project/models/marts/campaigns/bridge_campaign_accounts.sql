with

nodes as (

    select * from {{ ref('int_campaign_nodes') }}

),

account_days as (

    select * from {{ ref('int_account_days__delivered') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

members as (

    select * from nodes
    where node_type = 'account' and as_of_date = (select max(as_of_date) from nodes)

),

seen as (

    select
        m.campaign_id,
        m.node_key,
        min(d.first_event_at) as first_seen_at,
        max(d.last_event_at) as last_seen_at

    from members as m
    inner join account_days as d on m.node_key = d.account_key and d.delivered_date <= m.as_of_date
    group by m.campaign_id, m.node_key

)

select
    m.campaign_id,
    m.node_key as account_key,
    s.first_seen_at,
    s.last_seen_at,
    m.first_flagged_date,
    m.membership_probability,
    m.role,
    m.is_current,
    coalesce(a.status = 'banned', false) as is_banned

from members as m
inner join seen as s on m.campaign_id = s.campaign_id and m.node_key = s.node_key
left join accounts as a on m.node_key = a.account_key
