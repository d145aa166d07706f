-- The indicators of the joint advisory in one campaign, with their measured base rates.
-- key: indicator_code
select
    indicator_code,
    coalesce(cast(advisory_number as varchar), '') as advisory_number,
    title,
    result,
    measured_count,
    shown_count,
    established_count,
    established_ratio,
    lookalike_count,
    lookalike_ratio,
    benign_cause,
    signal_codes,
    technique_codes,
    link_types
from marts.fct_campaign_coverage
where campaign_id = :campaign_id and as_of_date = :as_of_date
order by place
