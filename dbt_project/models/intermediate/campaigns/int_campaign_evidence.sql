with

{{ set_evidence_imports() }},

campaign_members as (

    select * from {{ ref('int_campaign_members') }}

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

    select
        c.campaign_id as set_key,
        c.account_key,
        e.exchange_count,
        e.active_day_count,
        s.technique_ratio,
        cast(null as varchar) as excluded_attributes,
        e.is_reference

    from campaign_members as c
    inner join evidence as e on c.account_key = e.account_key
    left join suspected as s on c.account_key = s.account_key

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
