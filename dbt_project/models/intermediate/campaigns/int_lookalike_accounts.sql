with

nodes as (

    select
        campaign_id,
        node_key as account_key

    from {{ ref('int_campaign_nodes') }}
    where as_of_date = {{ run_date() }} and node_type = 'account'

),

campaigns as (

    select
        campaign_id,
        status

    from {{ ref('int_campaigns') }}

),

members as (

    select
        n.account_key,
        c.status = 'dismissed' as is_dismissed

    from nodes as n
    inner join campaigns as c on n.campaign_id = c.campaign_id

),

group_members as (

    select * from {{ ref('int_group_members') }}

),

groups as (

    -- as much behaviour and coordination as a flagged group must have
    select * from {{ ref('int_groups__scored') }}
    where behaviour_bits >= {{ var('group_behaviour_bits_minimum') }}
        and coordination_bits >= {{ var('group_coordination_bits_minimum') }}

),

cleared as (

    select m.account_key
    from group_members as m
    inner join groups as g on m.group_id = g.group_id
    where not g.is_flagged or m.is_cleared
    union
    select account_key
    from members
    where is_dismissed

),

suspected as (

    select distinct account_key
    from members
    where not is_dismissed

)

select c.account_key
from cleared as c
left join suspected as s on c.account_key = s.account_key
where s.account_key is null
