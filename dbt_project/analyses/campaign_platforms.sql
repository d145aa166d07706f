-- Question: Which campaigns use several platforms, and did use move from one to another?
-- Reader: partner teams of the cloud platforms.
-- How to read it: one row per campaign and platform. If one platform's last day is another one's
-- first day or shortly before it, the campaign may have moved after a block or ban.
select
    d.campaign_id,
    d.platform,
    min(d.activity_date) as first_activity_date,
    max(d.activity_date) as last_activity_date,
    count(distinct d.activity_date) as active_day_count,
    sum(d.exchange_count) as exchange_count,
    sum(d.attempted_count) as attempted_count

from marts.fct_campaign_activity_days as d
group by d.campaign_id, d.platform
order by d.campaign_id, first_activity_date, d.platform
