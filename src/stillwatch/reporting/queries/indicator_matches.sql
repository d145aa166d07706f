-- Activity of one campaign's accounts from addresses or domains on threat feeds, by label.
-- Only what the feeds said at the time: an address listed later says little of who had it then.
-- key: feed_id, label
select
    m.feed_id,
    m.label,
    count(distinct m.account_key) as account_count,
    sum(m.exchange_count) as exchange_count
from marts.fct_indicator_matches as m
inner join marts.bridge_campaign_accounts as b
    on m.account_key = b.account_key and b.campaign_id = :campaign_id
where m.activity_date <= :as_of_date and m.matched_date <= :as_of_date and m.match_kind = 'live'
group by m.feed_id, m.label
order by account_count desc, m.feed_id, m.label
