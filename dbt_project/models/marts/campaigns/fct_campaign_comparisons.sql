{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

comparisons as (

    select * from {{ ref('int_campaign_comparisons') }}

),

groups as (

    select * from {{ ref('int_groups__scored') }}

),

evidence as (

    select * from {{ ref('int_group_evidence') }}

),

sides as (

    select c.campaign_id, e.family, e.evidence_side, e.bits, cast(null as decimal(12, 4)) as cleared_bits
    from comparisons as c
    inner join evidence as e on c.group_id = e.group_id
    union all
    select c.campaign_id, e.family, e.evidence_side, cast(null as decimal(12, 4)) as bits, e.bits as cleared_bits
    from comparisons as c
    inner join evidence as e on c.cleared_group_id = e.group_id

),

families as (

    select
        campaign_id,
        family,
        min(evidence_side) as evidence_side,
        max(bits) as bits,
        max(cleared_bits) as cleared_bits

    from sides
    group by campaign_id, family

),

described as (

    select
        c.campaign_id,
        c.group_id,
        g.label as group_label,
        g.uncleared_count as account_count,
        c.cleared_group_id,
        k.label as cleared_group_label,
        k.uncleared_count as cleared_account_count,
        c.is_same_size,
        c.comparable_group_count,
        c.comparable_tail_probability,
        case
            when g.is_pool and not k.is_pool_shaped
                then 'its accounts are few, openly belong together or do not look run by one hand'
            when g.is_pool and k.hiding_sum_bits < {{ var('pool_hiding_bits_minimum') }}
                then 'its accounts hide neither where nor who they are'
            when g.is_pool and k.timing_bits < {{ var('pool_timing_bits_minimum') }}
                then 'its accounts rest as people do'
            when g.is_pool and k.honest_holder_ratio > {{ var('group_honest_holder_ratio_maximum') }}
                then 'too many honest accounts hold the shared value, too'
            when g.is_pool
                then 'its evidence does not outweigh the prior or the number of groups tested'
            when k.behaviour_bits < {{ var('group_behaviour_bits_minimum') }}
                then 'its accounts do not behave like extraction'
            when k.coordination_bits < {{ var('group_coordination_bits_minimum') }}
                then 'its accounts do not look run by one hand'
            when not k.is_about_extraction
                then 'the shared text carries no technique, is little of its traffic and may be shared by chance'
            when k.honest_holder_ratio > {{ var('group_honest_holder_ratio_maximum') }}
                then 'too many honest accounts hold the shared value, too'
            when k.hot_member_ratio < {{ var('group_hot_ratio_minimum') }}
                then 'less than half of its accounts show the behaviour'
            when {{ var('account_prior_log2_odds') }} + {{ var('evidence_slope') }} * cast(k.total_bits as double) < 0
                then 'its evidence does not outweigh the prior'
            when k.content_bits < {{ var('group_content_bits_minimum') }}
                then 'nothing shows that it asks for extraction'
            when k.uncleared_count < {{ var('group_small_size') }} and k.hiding_bits < {{ var('family_bits_strong') }}
                then 'its accounts are few and hide neither where nor who they are'
            else 'its behaviour is no discovery among the groups tested on the day, or rests on too few families'
        end as cleared_because

    from comparisons as c
    inner join groups as g on c.group_id = g.group_id
    inner join groups as k on c.cleared_group_id = k.group_id

)

select
    d.campaign_id,
    {{ run_date() }} as as_of_date,
    f.family,
    f.evidence_side,
    {{ as_ratio(var('evidence_slope') ~ " * cast(f.bits as double) * ln(2.0) / ln(10.0)") }} as log10_likelihood_ratio,
    {{ as_ratio(var('evidence_slope') ~ " * cast(f.cleared_bits as double) * ln(2.0) / ln(10.0)") }} as cleared_log10_likelihood_ratio,
    d.group_id,
    d.group_label,
    cast(d.account_count as bigint) as account_count,
    d.cleared_group_id,
    d.cleared_group_label,
    cast(d.cleared_account_count as bigint) as cleared_account_count,
    d.is_same_size,
    d.cleared_because,
    cast(d.comparable_group_count as bigint) as comparable_group_count,
    cast(d.comparable_tail_probability as double) as comparable_tail_probability

from described as d
inner join families as f on d.campaign_id = f.campaign_id
