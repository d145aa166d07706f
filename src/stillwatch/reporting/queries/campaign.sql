-- One campaign as of the day.
-- unit: rate_per_account_day=number
select
    c.campaign_id,
    c.status,
    c.first_seen_at,
    c.last_seen_at,
    c.first_flagged_date,
    c.likelihood_term,
    c.confidence_level,
    c.confidence_reason,
    c.severity,
    c.main_capability_code,
    c.technique_codes,
    c.atlas_ids,
    c.atlas_release,
    c.platforms,
    c.unavailable_families,
    c.parent_campaign_ids,
    c.account_count,
    c.active_account_count,
    c.exchange_count,
    c.attempted_count,
    c.total_tokens,
    c.campaign_probability,
    c.prior_log10_odds,
    c.posterior_log10_odds,
    c.extraction_ratio,
    c.extraction_ratio_low,
    c.extraction_ratio_high,
    c.independent_family_count,
    datediff('day', cast(c.first_seen_at as date), c.first_flagged_date) as flag_days,
    d.new_account_count,
    d.lost_account_count,
    d.exchanges_since_first_flag as since_flag_count,
    c.exchange_count * 1.0 / nullif(c.account_count, 0)
        / nullif(datediff('day', cast(c.first_seen_at as date), cast(c.last_seen_at as date)) + 1, 0) as rate_per_account_day,
    p.exchange_count as before_exchange_count,
    c.exchange_count - p.exchange_count as exchange_change_count,
    c.account_count - p.account_count as account_change_count
from marts.dim_campaigns as c
left join marts.fct_campaign_days as d on c.campaign_id = d.campaign_id and d.as_of_date = :as_of_date
left join marts.fct_campaign_days as p on c.campaign_id = p.campaign_id and p.as_of_date = :previous_date
where c.campaign_id = :campaign_id
