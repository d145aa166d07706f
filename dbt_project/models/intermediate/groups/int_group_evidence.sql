with

{{ set_evidence_imports() }},

groups as (

    select * from {{ ref('int_groups') }}
    where group_id = preferred_group_id

),

group_members as (

    select * from {{ ref('int_group_members') }}

),

members as (

    select
        m.group_id as set_key,
        m.account_key,
        m.exchange_count,
        m.active_day_count,
        m.technique_count * 1.0 / m.exchange_count as technique_ratio,
        g.excluded_attributes

    from group_members as m
    inner join groups as g on m.group_id = g.group_id
    where not m.is_cleared

),

{{ set_evidence_ctes('members') }}

select
    set_key as group_id,
    family,
    evidence_side,
    available_count,
    observed_count,
    {{ as_ratio('observed_ratio') }} as observed_ratio,
    {{ as_ratio('base_ratio') }} as base_ratio,
    base_population,
    bits

from set_evidence
