with

members as (

    select * from {{ ref('int_group_members') }}

),

types as (

    select * from {{ ref('group_types') }}

),

described as (

    select
        m.group_id,
        min(m.identifier_type) as identifier_type,
        min(t.preference) as preference,
        min(t.label) as label,
        min(t.excluded_attributes) as excluded_attributes,
        min(case when t.is_text then 1 else 0 end) = 1 as is_text,
        count(*) as member_count,
        count(case when not m.is_cleared then 1 end) as uncleared_count,
        count(case when m.is_cleared then 1 end) as cleared_count,
        count(case when m.is_reference then 1 end) as reference_count,
        sum(cast(m.account_ordinal as decimal(38, 0))) as ordinal_sum,
        sum(cast(m.account_ordinal as decimal(38, 0)) * m.account_ordinal) as ordinal_square_sum,
        min(m.established_ratio) as established_ratio,
        sum(m.exchange_count) as exchange_count,
        case when sum(m.technique_count) * 2 >= sum(m.exchange_count) then 1 else 0 end as carries_technique

    from members as m
    inner join types as t on m.identifier_type = t.identifier_type
    group by m.group_id

),

preferred as (

    -- Several values with the same members are one group, judged and named by the value that says most: a text before
    -- what is registered, one that carries a technique, one that is used much, the longer of two likenesses.
    select
        *,
        first_value(group_id) over (
            partition by member_count, ordinal_sum, ordinal_square_sum
            order by is_text desc, carries_technique desc, exchange_count desc, preference, group_id
        ) as preferred_group_id

    from described

)

select
    group_id,
    preferred_group_id,
    identifier_type,
    label,
    excluded_attributes,
    is_text,
    member_count,
    uncleared_count,
    cleared_count,
    reference_count,
    established_ratio

from preferred
