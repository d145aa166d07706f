-- What accounts of one campaign share: values, accounts behind them, base rates.
-- key: link_type
with

edges as (

    select l.*
    from marts.fct_account_links as l
    inner join marts.bridge_campaign_accounts as b
        on l.account_key = b.account_key and b.campaign_id = :campaign_id
    where l.as_of_date = :as_of_date

),

groups as (

    select
        link_type,
        linked_key,
        count(distinct account_key) as account_count,
        max(try_cast(json_extract_string(evidence, '$.established_ratio') as double)) as base_ratio
    from edges
    group by link_type, linked_key

),

group_totals as (

    select
        link_type,
        count(*) as group_count,
        max(account_count) as largest_group_count,
        max(base_ratio) as base_ratio
    from groups
    group by link_type

),

edge_totals as (

    select
        link_type,
        count(distinct account_key) as account_count,
        sum(cast(log10_likelihood_ratio as decimal(18, 9))) / count(*) as weight_log10,
        min(json_extract_string(evidence, '$.shared')) as shared_label
    from edges
    group by link_type

)

select
    g.link_type,
    g.group_count,
    e.account_count,
    g.largest_group_count,
    g.base_ratio,
    e.weight_log10,
    e.shared_label
from group_totals as g
inner join edge_totals as e on g.link_type = e.link_type
order by e.account_count desc, g.link_type
