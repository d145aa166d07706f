-- The largest groups of one campaign.
-- key: linked_key
select
    l.linked_key,
    min(l.link_type) as link_type,
    min(json_extract_string(l.evidence, '$.shared')) as shared_label,
    count(distinct l.account_key) as account_count
from marts.fct_account_links as l
inner join marts.bridge_campaign_accounts as b
    on l.account_key = b.account_key and b.campaign_id = :campaign_id
where l.as_of_date = :as_of_date
group by l.linked_key
order by account_count desc, l.linked_key
limit :group_limit
