-- Prior odds, the weight of each evidence family and posterior odds of one campaign.
-- key: step, family
-- unit: weight_log10=log10
with

evidence as (

    select family, count(*) as evidence_count, sum(cast(log10_likelihood_ratio as decimal(18, 9))) as weight_log10
    from marts.fct_campaign_evidence
    where campaign_id = :campaign_id and as_of_date = :as_of_date
    group by family

),

campaign as (

    select
        cast(prior_log10_odds as decimal(18, 9)) as prior_log10_odds,
        cast(posterior_log10_odds as decimal(18, 9)) as posterior_log10_odds
    from marts.dim_campaigns
    where campaign_id = :campaign_id

),

steps as (

    select 0 as step, 'prior' as family, cast(0 as bigint) as evidence_count, prior_log10_odds as weight_log10
    from campaign
    union all
    select 1, family, evidence_count, weight_log10 from evidence
    union all
    select 2, 'adjustment', cast(0 as bigint),
        posterior_log10_odds - prior_log10_odds - coalesce((select sum(weight_log10) from evidence), 0)
    from campaign
    union all
    select 3, 'posterior', cast(0 as bigint), posterior_log10_odds from campaign

)

select step, family, evidence_count, weight_log10
from steps
order by step, weight_log10 desc, family
