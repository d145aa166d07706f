-- How many bundles one campaign has if only its largest groups are drawn.
-- key: group_limit
with

edges as (

    select distinct l.account_key, l.linked_key
    from marts.fct_account_links as l
    inner join marts.bridge_campaign_accounts as b
        on l.account_key = b.account_key and b.campaign_id = :campaign_id
    where l.as_of_date = :as_of_date

),

group_sizes as (

    select linked_key, row_number() over (order by count(*) desc, linked_key) as size_rank
    from edges
    group by linked_key

),

limits as (

    select unnest([60, 40, 30, 24, 20, 16, 14, 12, 10, 8, 7, 6, 5, 4, 3]) as group_limit

),

sets as (

    select n.group_limit, e.account_key, string_agg(e.linked_key, ' ' order by e.linked_key) as group_keys
    from limits as n
    inner join group_sizes as g on g.size_rank <= n.group_limit
    inner join edges as e on g.linked_key = e.linked_key
    group by n.group_limit, e.account_key

)

select
    group_limit,
    count(distinct group_keys) as bundle_count,
    count(*) as drawn_account_count
from sets
group by group_limit
order by group_limit desc
