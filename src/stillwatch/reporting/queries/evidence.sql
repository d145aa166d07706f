-- Every piece of evidence on one campaign, heaviest first.
-- key: evidence_id
-- unit: observed_value=number, baseline_value=number
select
    evidence_id,
    signal_code,
    signal_version,
    family,
    statement,
    observed_value,
    baseline_value,
    base_population as base_population_count,
    log10_likelihood_ratio as weight_log10,
    benign_explanation,
    data_fields_used
from marts.fct_campaign_evidence
where campaign_id = :campaign_id and as_of_date = :as_of_date
order by log10_likelihood_ratio desc, evidence_id
