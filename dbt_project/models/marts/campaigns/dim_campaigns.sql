with

days as (

    select * from {{ ref('fct_campaign_days') }}

),

evidence as (

    select * from {{ ref('fct_campaign_evidence') }}

),

catalog as (

    select * from {{ ref('signal_catalog') }}

),

nodes as (

    select * from {{ ref('int_campaign_nodes') }}

),

account_days as (

    select * from {{ ref('int_account_days__delivered') }}

),

latest as (

    select * from days
    where as_of_date = (select max(as_of_date) from days)

),

member_techniques as (

    select
        n.campaign_id,
        {% for code in technique_codes() -%}
        sum(d.technique_{{ code }}_count) as technique_{{ code }}_count,
        {% endfor -%}
        sum(d.text_count) as text_count

    from nodes as n
    inner join latest as l on n.campaign_id = l.campaign_id and n.as_of_date = l.as_of_date
    inner join account_days as d on n.node_key = d.account_key and d.delivered_date <= l.as_of_date
    where n.node_type = 'account'
    group by n.campaign_id

),

techniques as (

    {% for code in technique_codes() -%}
    select campaign_id, '{{ code }}' as technique_code
    from member_techniques
    where technique_{{ code }}_count >= 0.05 * text_count and text_count > 0
    {{ "union all" if not loop.last }}
    {% endfor %}

),

technique_lists as (

    select
        campaign_id,
        {{ json_list_of('technique_code') }} as technique_codes

    from techniques
    group by campaign_id

),

atlas as (

    select
        e.campaign_id,
        c.atlas_ids

    from evidence as e
    inner join latest as l on e.campaign_id = l.campaign_id and e.as_of_date = l.as_of_date
    inner join catalog as c on e.signal_code = c.signal_code
    where e.log10_likelihood_ratio > 0

),

atlas_splits as (

    select
        campaign_id,
        {{ split_text('atlas_ids', ';') }} as ids

    from atlas

),

atlas_lists as (

    select
        campaign_id,
        {{ json_list_of('atlas_id') }} as atlas_ids

    from {{ unnest_list('atlas_splits', 'ids', 'atlas_id') }}
    group by campaign_id

),

families as (

    select distinct family
    from catalog
    where evidence_side in ('behaviour', 'access', 'coordination')

),

absent_families as (

    select
        l.campaign_id,
        {{ json_list_of('f.family') }} as unavailable_families

    from latest as l
    cross join families as f
    left join evidence as e on l.campaign_id = e.campaign_id and l.as_of_date = e.as_of_date and f.family = e.family
    where e.family is null
    group by l.campaign_id

)

select
    l.campaign_id,
    l.status,
    l.returned_reason,
    l.first_seen_at,
    l.last_seen_at,
    l.first_flagged_date,
    l.as_of_date,
    l.account_count,
    l.active_account_count,
    l.exchange_count,
    l.attempted_count,
    l.total_tokens,
    l.campaign_probability,
    l.prior_log10_odds,
    l.posterior_log10_odds,
    l.likelihood_term,
    l.confidence_level,
    l.confidence_reason,
    l.severity,
    l.main_capability_code,
    l.capability_mix,
    coalesce(t.technique_codes, '[]') as technique_codes,
    coalesce(a.atlas_ids, '[]') as atlas_ids,
    '5.6.0' as atlas_release,
    l.platforms,
    l.extraction_exchange_count,
    l.extraction_ratio,
    l.extraction_ratio_low,
    l.extraction_ratio_high,
    l.independent_family_count,
    coalesce(u.unavailable_families, '[]') as unavailable_families,
    l.parent_campaign_ids,
    l.merged_into_campaign_id

from latest as l
left join technique_lists as t on l.campaign_id = t.campaign_id
left join atlas_lists as a on l.campaign_id = a.campaign_id
left join absent_families as u on l.campaign_id = u.campaign_id
