-- The life of one campaign.
-- key: as_of_date, event, campaign_id, related
-- unit: overlap=ratio
select
    as_of_date,
    event,
    campaign_id,
    coalesce(related_campaign_id, 'none') as related,
    overlap
from marts.fct_campaign_lineage
where (campaign_id = :campaign_id or related_campaign_id = :campaign_id) and as_of_date <= :as_of_date
order by as_of_date, event, campaign_id, related
