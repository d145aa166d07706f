with

groups as (

    select * from {{ ref('int_groups') }}
    where group_id = preferred_group_id

),

evidence as (

    select * from {{ ref('int_group_evidence') }}

),

members as (

    select * from {{ ref('int_group_members') }}

),

accounts as (

    select * from {{ ref('int_account_evidence') }}

),

ties as (

    select * from {{ ref('int_group_ties') }}

),

population as (

    select
        count(case when not is_reference then 1 end) as newcomer_count,
        count(case when is_bystander then 1 end) as bystander_count,
        count(*) as uncleared_count

    from accounts
    where not is_cleared

),

hot_members as (

    select
        m.group_id,
        count(case when m.hot_behaviour_count >= 2 or m.technique_count >= 0.5 * m.exchange_count then 1 end) as hot_member_count,
        count(case when a.text_count > 0 then 1 end) as text_member_count,
        count(case when m.is_bystander then 1 end) as bystander_count,
        avg(cast(m.traffic_ratio as decimal(18, 6))) as traffic_ratio,
        avg(cast(m.exchange_count as decimal(18, 6))) as mean_exchange_count

    from members as m
    inner join accounts as a on m.account_key = a.account_key
    where not m.is_cleared
    group by m.group_id

),

summed as (

    select
        group_id,
        sum(case when evidence_side = 'behaviour' then bits else 0 end) as behaviour_bits,
        sum(case when evidence_side = 'access' then bits else 0 end) as access_bits,
        sum(case when evidence_side = 'coordination' then bits else 0 end) as coordination_bits,
        max(case
            when family in {{ content_families() }} then bits
        end) as content_bits,
        max(case when family = 'content' then bits end) as shared_text_bits,
        max(case when family = 'timing' then bits end) as timing_bits,
        max(case when family in {{ hiding_families() }} then bits end) as hiding_bits,
        sum(case when family in {{ hiding_families() }} then bits else 0 end) as hiding_sum_bits,
        count(case when evidence_side = 'behaviour' and bits >= {{ var('family_bits_strong') }} then 1 end) as strong_behaviour_count

    from evidence
    group by group_id

),

totals as (

    select
        g.*,
        coalesce(s.timing_bits, 0) as timing_bits,
        coalesce(s.hiding_bits, 0) as hiding_bits,
        coalesce(s.hiding_sum_bits, 0) as hiding_sum_bits,
        coalesce(s.behaviour_bits, 0) as behaviour_bits,
        coalesce(s.access_bits, 0) as access_bits,
        coalesce(s.coordination_bits, 0) as coordination_bits,
        coalesce(s.content_bits, 0) as content_bits,
        coalesce(s.strong_behaviour_count, 0) as strong_behaviour_count,
        h.hot_member_count * 1.0 / g.uncleared_count as hot_member_ratio,
        h.text_member_count * 1.0 / g.uncleared_count as text_member_ratio,
        -- the share of honest holders in the group, if other honest accounts hold the value as often as these
        h.bystander_count * 1.0 / greatest(p.bystander_count, 1) * p.uncleared_count / g.uncleared_count as honest_holder_ratio,
        (h.bystander_count + 0.5) / (p.bystander_count + 1.0) as bystander_ratio,
        g.is_text and coalesce(s.shared_text_bits, 0) >= {{ var('group_content_bits_minimum') }} as is_technique_text,
        -- Accounts of a pool also share texts of their unrelated customers. Only a text that itself carries a
        -- technique, that makes up much of their traffic or that hardly anybody would hold by chance says what
        -- the group is for.
        not g.is_text
        or coalesce(s.shared_text_bits, 0) >= {{ var('group_content_bits_minimum') }}
        or (
            h.mean_exchange_count >= 2
            and (
                h.traffic_ratio >= {{ var('group_text_traffic_minimum') }}
                or g.established_ratio * p.newcomer_count <= {{ var('group_chance_holder_ratio_maximum') }} * g.uncleared_count
            )
        ) as is_about_extraction,
        -- many accounts managed by one hand that openly have nothing to do with each other, on a text that hardly
        -- anybody would hold by chance
        coalesce(t.tied_ratio < {{ var('pool_tied_ratio_maximum') }}, false)
        and coalesce(s.coordination_bits, 0) >= {{ var('pool_coordination_bits_minimum') }}
        and g.established_ratio * p.newcomer_count <= {{ var('group_chance_holder_ratio_maximum') }} * g.uncleared_count as is_pool_shaped,
        {{ as_bits(
            "coalesce(s.behaviour_bits, 0) + coalesce(s.access_bits, 0) + coalesce(s.coordination_bits, 0) - "
            ~ var('group_verified_penalty_bits') ~ " * g.cleared_count * 1.0 / g.member_count - "
            ~ var('group_established_penalty_bits') ~ " * g.reference_count * 1.0 / g.member_count"
        ) }} as total_bits

    from groups as g
    inner join hot_members as h on g.group_id = h.group_id
    left join summed as s on g.group_id = s.group_id
    left join ties as t on g.group_id = t.group_id
    cross join population as p

),

tested as (

    -- A class or a company is coordinated, too, and that must not make up for missing behaviour: behaviour alone is
    -- tested. What neither of them does is hide, which counts where a group has the shape of a pool.
    select
        *,
        behaviour_bits + case when is_pool_shaped then hiding_sum_bits else 0 end as tested_bits

    from totals

),

ranked as (

    select
        *,
        count(*) over () as tested_count,
        row_number() over (order by tested_bits desc, total_bits desc, group_id) as tested_rank

    from tested

),

thresholds as (

    -- e-BH: with N tests, the k strongest are discoveries if the k-th e-value reaches N / (q k). It holds for
    -- groups that overlap, as ours do (Wang and Ramdas 2022).
    select max(tested_rank) as discovery_count
    from ranked
    where tested_bits >= {{ log2_of("tested_count / (" ~ var('false_discovery_rate') ~ " * tested_rank)") }}

),

judged as (

    select
        r.*,
        coalesce(r.tested_rank <= t.discovery_count, false)
        and r.honest_holder_ratio <= {{ var('group_honest_holder_ratio_maximum') }}
        and r.cleared_count <= {{ var('group_cleared_holder_ratio_maximum') }} * r.member_count
        and {{ var('account_prior_log2_odds') }} + {{ var('evidence_slope') }} * cast(r.total_bits as double) >= 0 as is_discovery,
        r.is_about_extraction
        and r.behaviour_bits >= {{ var('group_behaviour_bits_minimum') }}
        and r.coordination_bits >= {{ var('group_coordination_bits_minimum') }}
        -- where no text was delivered, three kinds of behaviour must stand for what it would have said
        and (
            r.content_bits >= {{ var('group_content_bits_minimum') }}
            or (r.text_member_ratio < 0.5 and r.strong_behaviour_count >= 3)
        )
        and r.strong_behaviour_count >= case when r.uncleared_count >= {{ var('group_small_size') }} then 2 else 4 end
        -- a few researchers of one laboratory do the same, but under their own names and from where they work
        and (r.uncleared_count >= {{ var('group_small_size') }} or r.hiding_bits >= {{ var('family_bits_strong') }})
        and r.hot_member_ratio >= {{ var('group_hot_ratio_minimum') }} as shows_extraction,
        r.is_pool_shaped
        and r.hiding_sum_bits >= {{ var('pool_hiding_bits_minimum') }}
        and r.timing_bits >= {{ var('pool_timing_bits_minimum') }} as shows_pool

    from ranked as r
    cross join thresholds as t

)

select
    r.group_id,
    r.identifier_type,
    r.label,
    r.is_text,
    r.member_count,
    r.uncleared_count,
    r.cleared_count,
    r.reference_count,
    r.established_ratio,
    r.behaviour_bits,
    r.access_bits,
    r.coordination_bits,
    r.content_bits,
    r.strong_behaviour_count,
    {{ as_ratio('r.hot_member_ratio') }} as hot_member_ratio,
    r.total_bits,
    r.tested_count,
    r.tested_rank,
    r.is_technique_text,
    r.is_about_extraction,
    r.hiding_bits,
    r.hiding_sum_bits,
    r.timing_bits,
    r.is_pool_shaped,
    {{ as_ratio('r.honest_holder_ratio') }} as honest_holder_ratio,
    {{ as_ratio('r.bystander_ratio') }} as bystander_ratio,
    r.is_discovery and r.shows_pool and not r.shows_extraction as is_pool,
    r.is_discovery and (r.shows_extraction or r.shows_pool) as is_flagged

from judged as r
