with

nodes as (

    select * from {{ ref('int_campaign_nodes') }}
    where as_of_date = {{ run_date() }} and node_type = 'account'

),

campaigns as (

    select
        campaign_id,
        max(case when is_current then 1 else 0 end) as has_current

    from nodes
    group by campaign_id

)

select
    n.campaign_id,
    n.node_key as account_key

from nodes as n
inner join campaigns as c on n.campaign_id = c.campaign_id
where n.is_current or c.has_current = 0
