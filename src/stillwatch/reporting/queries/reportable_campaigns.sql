-- Campaigns that get a dossier: suspected or confirmed, with an exchange in the last seven days.
select campaign_id
from marts.dim_campaigns
where status in ('suspected', 'confirmed')
    and last_seen_at >= cast(:period_from as timestamp)
order by campaign_probability desc, exchange_count desc, campaign_id
