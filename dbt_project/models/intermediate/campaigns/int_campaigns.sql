with

nodes as (

    select * from {{ ref('int_campaign_nodes') }}
    where as_of_date = {{ run_date() }}

),

account_days as (

    select * from {{ ref('int_account_days__delivered') }}
    where delivered_date <= {{ run_date() }}

),

extraction as (

    select * from {{ ref('int_campaign_extraction') }}

),

evidence as (

    select * from {{ ref('int_campaign_evidence') }}

),

decisions as (

    select * from {{ ref('int_campaign_decisions') }}
    where kind = 'status' and recency = 1

),

returns as (

    select * from {{ ref('int_campaign_returns') }}

),

growth as (

    select * from {{ ref('int_campaign_growth') }}
    where as_of_date = {{ run_date() }}

),

links as (

    select * from {{ ref('int_suspected_members') }}

),

reference as (

    select * from {{ ref('int_reference_accounts') }}

),

terms as (

    select * from {{ ref('likelihood_terms') }}

),

accounts as (

    select
        campaign_id,
        node_key as account_key,
        is_current,
        first_flagged_date,
        campaign_flagged_date,
        parent_campaign_id,
        merged_into_campaign_id

    from nodes
    where node_type = 'account'

),

account_measures as (

    select
        a.campaign_id,
        a.account_key,
        min(d.first_event_at) as first_seen_at,
        max(d.last_event_at) as last_seen_at,
        max(d.activity_date) as last_activity_date,
        min(d.platform) as platform,
        sum(d.exchange_count) as exchange_count,
        sum(d.exchange_count - d.ok_count) as attempted_count,
        sum(d.input_tokens + d.output_tokens) as total_tokens,
        sum(case when d.activity_date = {{ run_date() }} then d.exchange_count else 0 end) as day_exchange_count,
        sum(case when d.activity_date = {{ run_date() }} then d.exchange_count - d.ok_count else 0 end) as day_attempted_count,
        sum(case when d.activity_date >= a.campaign_flagged_date then d.exchange_count else 0 end) as exchanges_since_first_flag,
        max(case when d.ip_known_count > 0 then 1 else 0 end) as has_addresses,
        max(case when d.text_count > 0 then 1 else 0 end) as has_text

    from accounts as a
    inner join account_days as d on a.account_key = d.account_key
    group by a.campaign_id, a.account_key

),

account_extraction as (

    select
        campaign_id,
        account_key,
        sum(extraction_exchange_count) as extraction_exchange_count,
        sum(own_text_exchange_count) as own_text_exchange_count

    from extraction
    group by campaign_id, account_key

),

account_shares as (

    select
        m.*,
        least(m.exchange_count, coalesce(x.extraction_exchange_count, 0)) as extraction_exchange_count,
        least(m.exchange_count, coalesce(x.own_text_exchange_count, 0)) as own_text_exchange_count,
        least(1.0, coalesce(x.extraction_exchange_count, 0) * 1.0 / m.exchange_count) as extraction_share,
        least(1.0, coalesce(x.own_text_exchange_count, 0) * 1.0 / m.exchange_count) as own_text_share

    from account_measures as m
    left join account_extraction as x on m.campaign_id = x.campaign_id and m.account_key = x.account_key

),

measured as (

    select
        campaign_id,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        max(last_activity_date) as last_activity_date,
        {{ json_list_of('platform') }} as platforms,
        count(*) as account_count,
        count(case when last_activity_date > {{ run_date() }} - interval '{{ var("dormant_after_days") | int }}' day then 1 end) as active_account_count,
        count(case when day_exchange_count > 0 then 1 end) as day_account_count,
        sum(exchange_count) as exchange_count,
        sum(attempted_count) as attempted_count,
        sum(total_tokens) as total_tokens,
        sum(day_exchange_count) as day_exchange_count,
        sum(day_attempted_count) as day_attempted_count,
        sum(exchanges_since_first_flag) as exchanges_since_first_flag,
        sum(extraction_exchange_count) as extraction_exchange_count,
        sum(extraction_exchange_count) * 1.0 / sum(exchange_count) as extraction_ratio,
        sum(own_text_exchange_count) * 1.0 / sum(exchange_count) as own_text_ratio,
        stddev_samp(cast(extraction_share as decimal(18, 6))) / sqrt(count(*)) as extraction_standard_error,
        stddev_samp(cast(own_text_share as decimal(18, 6))) / sqrt(count(*)) as own_text_standard_error,
        avg(cast(has_addresses as double)) as address_ratio,
        avg(cast(has_text as double)) as text_ratio

    from account_shares
    group by campaign_id

),

movement as (

    select
        campaign_id,
        min(campaign_flagged_date) as first_flagged_date,
        max(case when is_current then 1 else 0 end) as has_current,
        count(case when first_flagged_date = {{ run_date() }} and is_current then 1 end) as new_account_count,
        count(case when not is_current then 1 end) as lost_account_count,
        {{ json_list_of('parent_campaign_id') }} as parent_campaign_ids,
        max(merged_into_campaign_id) as merged_into_campaign_id

    from accounts
    group by campaign_id

),

weighed as (

    select
        campaign_id,
        sum(bits) as evidence_bits,
        count(case when bits >= {{ var('family_bits_strong') }} then 1 end) as independent_family_count,
        count(distinct case when evidence_side = 'behaviour' then family end) as seen_behaviour_count

    from evidence
    group by campaign_id

),

pools as (

    -- flagged for hidden access only: what these accounts extract was not recognised
    select
        a.campaign_id,
        min(case when l.is_pool then 1 else 0 end) = 1 as is_pool

    from accounts as a
    inner join links as l on a.account_key = l.account_key
    where l.is_text
    group by a.campaign_id

),

capability_sums as (

    select
        campaign_id,
        capability_code,
        sum(extraction_exchange_count) as extraction_exchange_count

    from extraction
    where extraction_exchange_count > 0
    group by campaign_id, capability_code

),

capability_shares as (

    select
        *,
        round(extraction_exchange_count * 1.0 / sum(extraction_exchange_count) over (partition by campaign_id), 4) as capability_ratio,
        row_number() over (partition by campaign_id order by extraction_exchange_count desc, capability_code) as capability_rank

    from capability_sums

),

capabilities as (

    select
        campaign_id,
        max(case when capability_rank = 1 then capability_code end) as main_capability_code,
        {{ json_object_of('capability_code', number_text('capability_ratio', 4)) }} as capability_mix

    from capability_shares
    group by campaign_id

),

known_tenure as (

    select coalesce(max(case when is_stand_in then 1 else 0 end), 0) = 1 as is_unknown
    from reference

),

judged as (

    select
        m.*,
        k.is_unknown as is_tenure_unknown,
        v.first_flagged_date,
        v.has_current,
        v.new_account_count,
        v.lost_account_count,
        v.parent_campaign_ids,
        v.merged_into_campaign_id,
        coalesce(w.evidence_bits, 0) as evidence_bits,
        coalesce(w.independent_family_count, 0) as independent_family_count,
        coalesce(p.is_pool, false) as is_pool,
        c.main_capability_code,
        coalesce(c.capability_mix, '{}') as capability_mix,
        d.decision,
        r.returned_reason,
        g.growth_bits,
        least(
            {{ var('campaign_probability_maximum') }},
            greatest(0.01, {{ probability_of_bits(var('account_prior_log2_odds') ~ " + " ~ var('evidence_slope') ~ " * cast(coalesce(w.evidence_bits, 0) as double)") }})
        ) as campaign_probability

    from measured as m
    inner join movement as v on m.campaign_id = v.campaign_id
    left join weighed as w on m.campaign_id = w.campaign_id
    left join pools as p on m.campaign_id = p.campaign_id
    left join capabilities as c on m.campaign_id = c.campaign_id
    left join decisions as d on m.campaign_id = d.campaign_id
    left join returns as r on m.campaign_id = r.campaign_id
    left join growth as g on m.campaign_id = g.campaign_id
    cross join known_tenure as k

)

select
    j.campaign_id,
    {{ run_date() }} as as_of_date,
    case
        when j.decision = 'dismiss' and j.returned_reason is null then 'dismissed'
        when j.decision = 'act' then 'disrupted'
        when j.decision = 'confirm' then 'confirmed'
        when j.merged_into_campaign_id is not null or j.active_account_count = 0 then 'dormant'
        else 'suspected'
    end as status,
    j.returned_reason,
    j.first_seen_at,
    j.last_seen_at,
    j.first_flagged_date,
    j.account_count,
    j.active_account_count,
    j.new_account_count,
    j.lost_account_count,
    j.exchange_count,
    j.attempted_count,
    j.total_tokens,
    j.day_exchange_count,
    j.day_attempted_count,
    j.day_account_count,
    j.exchanges_since_first_flag,
    cast(j.growth_bits as double) as growth_bits,
    j.extraction_exchange_count,
    {{ as_ratio('least(1.0, j.extraction_ratio)') }} as extraction_ratio,
    {{ as_ratio('case when j.is_pool then 0.0 else greatest(0.0, j.extraction_ratio - 1.96 * coalesce(j.extraction_standard_error, 0)) end') }} as extraction_ratio_low,
    -- the upper end also takes in what else only these accounts share: it may be extraction
    {{ as_ratio('least(1.0, j.own_text_ratio + 1.96 * coalesce(j.own_text_standard_error, 0))') }} as extraction_ratio_high,
    {{ as_ratio('j.campaign_probability') }} as campaign_probability,
    {{ as_ratio(var('account_prior_log2_odds') ~ " * ln(2.0) / ln(10.0)") }} as prior_log10_odds,
    {{ as_ratio("(" ~ var('account_prior_log2_odds') ~ " + " ~ var('evidence_slope') ~ " * cast(j.evidence_bits as double)) * ln(2.0) / ln(10.0)") }} as posterior_log10_odds,
    t.likelihood_term,
    j.independent_family_count,
    case
        when j.is_pool or j.is_tenure_unknown then 'low'
        when j.independent_family_count >= {{ var('confidence_high_families') }} and j.address_ratio >= 0.5 and j.text_ratio >= 0.9 then 'high'
        when j.independent_family_count >= {{ var('confidence_moderate_families') }} then 'moderate'
        else 'low'
    end as confidence_level,
    cast(j.independent_family_count as varchar) || ' independent families of evidence agree'
    || case
        when j.is_pool then '; the accounts hide and work as one, what they extract was not recognised'
        else ''
    end
    || case
        when j.is_tenure_unknown then '; hardly any account is known to be old, so newcomers stand in for the baseline'
        else ''
    end
    || case
        when j.text_ratio < 0.9 then '; text is missing for ' || {{ number_text('100 * (1 - j.text_ratio)') }} || ' % of accounts'
        else ''
    end
    || case
        when j.address_ratio < 0.5 then '; addresses are missing for ' || {{ number_text('100 * (1 - j.address_ratio)') }} || ' % of accounts'
        else ''
    end as confidence_reason,
    case
        when j.extraction_exchange_count >= {{ var('severity_critical_exchanges') }} then 'critical'
        when j.extraction_exchange_count >= {{ var('severity_high_exchanges') }} then 'high'
        when j.extraction_exchange_count >= {{ var('severity_medium_exchanges') }} then 'medium'
        else 'low'
    end as severity,
    j.main_capability_code,
    j.capability_mix,
    j.platforms,
    j.parent_campaign_ids,
    j.merged_into_campaign_id,
    j.has_current = 1 as has_current_cluster,
    -- what sentences must call the accounts that the baseline was measured on
    case when j.is_tenure_unknown then 'newcomers in good standing' else 'established accounts' end as baseline_accounts

from judged as j
inner join terms as t
    on j.campaign_probability >= t.probability_from and j.campaign_probability < t.probability_until
