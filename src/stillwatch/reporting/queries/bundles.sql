-- Accounts of one campaign, bundled by the identical set of its largest groups that they share.
-- key: bundle_key
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

sets as (

    select e.account_key, string_agg(e.linked_key, ' ' order by e.linked_key) as group_keys
    from edges as e
    inner join group_sizes as g on e.linked_key = g.linked_key and g.size_rank <= :group_limit
    group by e.account_key

),

bundles as (

    select
        left(md5(group_keys), 12) as bundle_key,
        group_keys,
        count(*) as account_count,
        row_number() over (order by count(*) desc, group_keys) as size_rank
    from sets
    group by group_keys

),

drawn as (

    select bundle_key, group_keys, account_count, size_rank from bundles where size_rank <= 88
    union all
    select 'other', '', sum(account_count), 89 from bundles where size_rank > 88 having count(*) > 0

)

select bundle_key, group_keys, account_count
from drawn
order by size_rank
