with

members as (

    select * from {{ ref('int_campaign_members') }}

),

suspected as (

    select distinct
        account_key,
        group_id

    from {{ ref('int_suspected_members') }}

),

group_members as (

    select * from {{ ref('int_group_members') }}

),

groups as (

    -- every kind of shared text is one kind: which of them names a group is chance
    select
        *,
        case when is_text then 'text' else identifier_type end as group_kind

    from {{ ref('int_groups__scored') }}

),

held as (

    -- the flagged group that speaks for the campaign is the one that most of its members hold
    select
        m.campaign_id,
        s.group_id,
        row_number() over (
            partition by m.campaign_id order by count(*) desc, min(g.total_bits) desc, s.group_id
        ) as place

    from members as m
    inner join suspected as s on m.account_key = s.account_key
    inner join groups as g on s.group_id = g.group_id
    group by m.campaign_id, s.group_id

),

touched as (

    select distinct g.group_id
    from group_members as g
    inner join members as m on g.account_key = m.account_key

),

cleared as (

    select g.*
    from groups as g
    left join touched as t on g.group_id = t.group_id
    where not g.is_flagged and t.group_id is null

),

pairs as (

    -- by the three sums on which the decision rests
    select
        h.campaign_id,
        g.group_id,
        c.group_id as cleared_group_id,
        abs(g.behaviour_bits - c.behaviour_bits) + abs(g.access_bits - c.access_bits)
        + abs(g.coordination_bits - c.coordination_bits) as distance_bits,
        c.uncleared_count * {{ var('comparison_size_ratio') }} >= g.uncleared_count
        and c.uncleared_count <= g.uncleared_count * {{ var('comparison_size_ratio') }} as is_same_size,
        case when c.total_bits >= g.total_bits then 1 else 0 end as as_strong_count

    from held as h
    inner join groups as g on h.group_id = g.group_id
    inner join cleared as c on g.group_kind = c.group_kind
    where h.place = 1

),

strata as (

    select
        campaign_id,
        is_same_size,
        count(*) as comparable_group_count,
        sum(as_strong_count) as as_strong_count

    from pairs
    group by campaign_id, is_same_size

),

ranked as (

    select
        *,
        row_number() over (
            partition by campaign_id
            order by case when is_same_size then 0 else 1 end, distance_bits, cleared_group_id
        ) as place

    from pairs

)

select
    r.campaign_id,
    r.group_id,
    r.cleared_group_id,
    r.distance_bits,
    r.is_same_size,
    s.comparable_group_count,
    -- conformal: one is added above and below, so it is never zero
    {{ as_ratio('(1 + s.as_strong_count) * 1.0 / (1 + s.comparable_group_count)') }} as comparable_tail_probability

from ranked as r
inner join strata as s on r.campaign_id = s.campaign_id and r.is_same_size = s.is_same_size
where r.place = 1
