-- What happened to campaigns in the period.
select as_of_date, event, campaign_id, related_campaign_id
from marts.fct_campaign_lineage
where as_of_date >= :period_from and as_of_date <= :as_of_date
order by as_of_date desc, campaign_id, event, related_campaign_id
