-- Exchanges of one campaign by capability, and those that carried a template of the campaign.
-- key: capability_code
select
    capability_code,
    sum(exchange_count) as exchange_count,
    sum(extraction_exchange_count) as extraction_exchange_count,
    sum(extraction_exchange_count) / nullif(sum(sum(extraction_exchange_count)) over (), 0) as extraction_share_ratio
from marts.fct_campaign_activity_days
where campaign_id = :campaign_id
group by capability_code
order by extraction_exchange_count desc, exchange_count desc, capability_code
