-- Accounts and exchanges of one campaign by platform.
-- key: platform
select
    a.platform,
    count(distinct b.account_key) as account_count,
    (
        select coalesce(sum(d.exchange_count), 0) from marts.fct_campaign_activity_days as d
        where d.campaign_id = :campaign_id and d.platform = a.platform
    ) as exchange_count
from marts.bridge_campaign_accounts as b
inner join marts.dim_accounts as a on b.account_key = a.account_key
where b.campaign_id = :campaign_id
group by a.platform
order by exchange_count desc, a.platform
