-- Accounts of one campaign that were banned, by day.
-- key: campaign_id, ban_date
select
    b.campaign_id,
    cast(a.banned_at as date) as ban_date,
    count(*) as account_count
from marts.bridge_campaign_accounts as b
inner join marts.dim_accounts as a on b.account_key = a.account_key
where b.campaign_id = :campaign_id
    and a.banned_at < cast(:as_of_date as timestamp) + interval 1 day
group by b.campaign_id, ban_date
order by ban_date
