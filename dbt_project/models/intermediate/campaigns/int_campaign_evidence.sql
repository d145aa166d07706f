with

{{ set_evidence_imports() }},

nodes as (

    select * from {{ ref('int_campaign_nodes') }}
    where as_of_date = {{ run_date() }} and node_type = 'account'

),

campaigns as (

    select
        campaign_id,
        max(case when is_current then 1 else 0 end) as has_current

    from nodes
    group by campaign_id

),

suspected as (

    select
        account_key,
        max(technique_count * 1.0 / exchange_count) as technique_ratio

    from {{ ref('int_suspected_members') }}
    where is_text
    group by account_key

),

members as (

    -- members seen in today's cluster, or all that are still active where there is none
    select
        n.campaign_id as set_key,
        n.node_key as account_key,
        e.exchange_count,
        e.active_day_count,
        s.technique_ratio,
        cast(null as varchar) as excluded_attributes,
        e.is_reference

    from nodes as n
    inner join campaigns as c on n.campaign_id = c.campaign_id
    inner join evidence as e on n.node_key = e.account_key
    left join suspected as s on n.node_key = s.account_key
    where n.is_current or c.has_current = 0

),

penalties as (

    select
        set_key,
        count(*) as member_count,
        count(case when is_reference then 1 end) as reference_count

    from members
    group by set_key

),

{{ set_evidence_ctes('members') }},

penalty_rows as (

    select
        set_key,
        'established_members' as family,
        'counter' as evidence_side,
        member_count as available_count,
        reference_count as observed_count,
        reference_count * 1.0 / member_count as observed_ratio,
        cast(null as double) as base_ratio,
        cast(null as bigint) as base_population,
        {{ as_bits("- " ~ var('group_established_penalty_bits') ~ " * reference_count * 1.0 / member_count") }} as bits

    from penalties
    where reference_count > 0

),

all_rows as (

    select * from set_evidence
    union all
    select * from penalty_rows

)

select
    set_key as campaign_id,
    family,
    evidence_side,
    available_count,
    observed_count,
    {{ as_ratio('observed_ratio') }} as observed_ratio,
    {{ as_ratio('base_ratio') }} as base_ratio,
    base_population,
    bits

from all_rows
