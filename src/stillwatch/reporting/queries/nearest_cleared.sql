-- The families of one campaign's leading group and of the nearest cleared group, those that set them apart first.
-- key: family
-- unit: weight_log10=log10, cleared_weight_log10=log10, comparable_tail_probability=ratio
select
    family,
    log10_likelihood_ratio as weight_log10,
    cleared_log10_likelihood_ratio as cleared_weight_log10,
    account_count as group_account_count,
    cleared_account_count,
    cleared_group_label,
    cleared_because,
    comparable_group_count,
    comparable_tail_probability
from marts.fct_campaign_comparisons
where campaign_id = :campaign_id and as_of_date = :as_of_date
order by
    coalesce(log10_likelihood_ratio, 0) - coalesce(cleared_log10_likelihood_ratio, 0) desc, family
