-- How much of one campaign's network is drawn.
select
    (select count(*) from marts.bridge_campaign_accounts where campaign_id = :campaign_id) as account_count,
    count(distinct l.account_key) as linked_account_count,
    count(distinct l.linked_key) as group_count,
    count(*) as link_count
from marts.fct_account_links as l
inner join marts.bridge_campaign_accounts as b
    on l.account_key = b.account_key and b.campaign_id = :campaign_id
where l.as_of_date = :as_of_date
