{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

evidence as (

    select * from {{ ref('int_account_evidence') }}

),

nodes as (

    select * from {{ ref('int_campaign_nodes') }}
    where as_of_date = {{ run_date() }} and node_type = 'account' and is_current

),

campaigns as (

    select * from {{ ref('int_campaigns') }}

),

groups as (

    select * from {{ ref('int_groups__scored') }}

),

members as (

    select * from {{ ref('int_group_members') }}
    where not is_cleared

),

group_evidence as (

    -- What its candidate groups say of an account: the mean of their evidence, not its maximum, because an account is
    -- in many groups. A group that is not coordinated says nothing. Of a flagged group most holders are members, and who
    -- holds its value without being one is the next to look at.
    select
        m.account_key,
        {{ log2_of("avg(cast(power(2.0, least(" ~ var('account_group_bits_cap') ~ ", case when g.coordination_bits >= "
            ~ var('group_coordination_bits_minimum') ~ " then cast(g.behaviour_bits as double) else 0.0 end)) as decimal(18, 6)))") }} as group_bits,
        max(case when g.is_flagged then least({{ var('account_group_bits_cap') }}, cast(g.behaviour_bits as double)) end) as flagged_bits

    from members as m
    inner join groups as g on m.group_id = g.group_id
    group by m.account_key

),

scored as (

    select
        e.account_key,
        n.campaign_id,
        {{ var('evidence_slope') }} * cast(e.own_bits as double) as own_bits,
        {{ var('evidence_slope') }} * greatest(0.0, coalesce(cast(b.group_bits as double), 0.0), coalesce(b.flagged_bits, 0.0)) as cluster_bits,
        n.membership_probability * c.campaign_probability as member_probability

    from evidence as e
    left join nodes as n on e.account_key = n.node_key
    left join campaigns as c on n.campaign_id = c.campaign_id
    left join group_evidence as b on e.account_key = b.account_key

)

select
    account_key,
    {{ run_date() }} as as_of_date,
    {{ as_ratio("coalesce(member_probability, least(0.5, " ~ probability_of_bits(var('account_prior_log2_odds') ~ " + own_bits + cluster_bits") ~ "))") }} as suspicion_probability,
    {{ as_ratio("(" ~ var('account_prior_log2_odds') ~ " + own_bits) * ln(2.0) / ln(10.0)") }} as own_log10_odds,
    {{ as_ratio("cluster_bits * ln(2.0) / ln(10.0)") }} as cluster_log10_odds,
    campaign_id

from scored
