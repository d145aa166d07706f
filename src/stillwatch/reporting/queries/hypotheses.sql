-- Attribution hypotheses on one campaign.
select organization_id, likelihood_term, confidence_level, evidence_for, evidence_against, source_grades
from marts.fct_campaign_hypotheses
where campaign_id = :campaign_id and as_of_date = :as_of_date
order by organization_id
