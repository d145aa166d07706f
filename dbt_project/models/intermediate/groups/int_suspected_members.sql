with

members as (

    select * from {{ ref('int_group_members') }}
    where not is_cleared

),

groups as (

    select * from {{ ref('int_groups__scored') }}
    where is_flagged

),

evidence as (

    select * from {{ ref('int_account_evidence') }}

),

newcomers as (

    select count(*) as newcomer_count
    from evidence
    where not is_reference and not is_cleared

),

links as (

    -- How many holders would be there by chance, if newcomers held the value as often as established accounts.
    select
        m.group_id,
        m.account_key,
        m.is_reference,
        m.exchange_count,
        m.technique_count,
        m.hot_behaviour_count,
        g.identifier_type,
        g.is_text,
        g.established_ratio,
        g.total_bits,
        least(0.999, greatest(0.001, 1.0 - g.established_ratio * n.newcomer_count / g.uncleared_count)) as holder_probability

    from members as m
    inner join groups as g on m.group_id = g.group_id
    cross join newcomers as n

),

texts as (

    select distinct account_key from links
    where is_text and (exchange_count >= 2 or technique_count >= 1)

),

supported as (

    -- A shared card or sign-up day alone joins nobody: the account must also share the text, or behave alike.
    select l.*
    from links as l
    left join texts as t on l.account_key = t.account_key
    where (l.is_text and (l.exchange_count >= 2 or l.technique_count >= 1))
        or (not l.is_text and (t.account_key is not null or l.hot_behaviour_count >= 2))

),

per_account as (

    select
        account_key,
        max(case when is_reference then 1 else 0 end) as is_reference,
        count(*) as group_count,
        count(distinct identifier_type) as group_type_count,
        max(case when is_text then 1 else 0 end) as has_text_group,
        max(total_bits) as best_group_bits,
        sum(cast({{ log2_of('1.0 - holder_probability') }} as decimal(18, 6))) as none_bits

    from supported
    group by account_key

),

weighed as (

    select
        p.*,
        e.own_bits,
        {{ log2_of('(1.0 - power(2.0, greatest(-30.0, cast(p.none_bits as double)))) / power(2.0, greatest(-30.0, cast(p.none_bits as double)))') }}
        + {{ var('evidence_slope') }} * cast(e.own_bits as double)
        - {{ var('group_established_penalty_bits') }} * p.is_reference as membership_bits

    from per_account as p
    inner join evidence as e on p.account_key = e.account_key

)

select
    w.account_key,
    s.group_id,
    s.identifier_type,
    s.is_text,
    s.total_bits as group_bits,
    s.exchange_count,
    s.technique_count,
    s.established_ratio,
    w.own_bits,
    w.group_type_count,
    w.has_text_group,
    w.best_group_bits,
    {{ as_ratio(probability_of_bits('w.membership_bits')) }} as membership_probability

from weighed as w
inner join supported as s on w.account_key = s.account_key
where {{ probability_of_bits('w.membership_bits') }} >= {{ var('membership_probability_minimum') }}
