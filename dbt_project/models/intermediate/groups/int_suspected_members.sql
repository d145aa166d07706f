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

    -- How many holders would be there by chance, if newcomers held the value as often as bystanders: established
    -- accounts that were bought hold it, too, but behave like the others.
    select
        m.group_id,
        m.account_key,
        m.is_reference,
        m.exchange_count,
        m.technique_count,
        m.hot_behaviour_count,
        g.identifier_type,
        g.is_text,
        g.is_technique_text,
        g.is_pool,
        e.is_pool_like,
        case when g.identifier_type <> 'minhash_band' then sum(m.exchange_count) over (partition by m.account_key, g.identifier_type, g.is_pool) end as type_exchange_count,
        g.established_ratio,
        g.total_bits,
        least(0.999, greatest(0.001, 1.0 - least(g.established_ratio, g.bystander_ratio) * n.newcomer_count / g.uncleared_count)) as holder_probability

    from members as m
    inner join groups as g on m.group_id = g.group_id
    inner join evidence as e on m.account_key = e.account_key
    cross join newcomers as n

),

used_links as (

    -- an ending, a beginning, a system prompt and the bulk of a text are four kinds of likeness
    select
        *,
        is_text and technique_count >= 1 as has_technique,
        case when is_text then substr(identifier_type, 1, 6) end as text_kind,
        -- one text has several bands
        case when is_text and identifier_type <> 'minhash_band' then count(*) over (partition by account_key, identifier_type) end as text_count

    from links
    where (
        not is_text or exchange_count >= 2 or technique_count >= 1
        or (is_pool and type_exchange_count >= {{ var('membership_texts_minimum') | int }})
    )
    -- what a pool's customers use, others may use, too: its accounts are known by their access
    and (not is_pool or is_pool_like)

),

likenesses as (

    select
        account_key,
        max(case when has_technique or hot_behaviour_count >= 2 then 1 else 0 end) as is_alike,
        max(case when is_text and (identifier_type <> 'system_fp' or has_technique) then 1 else 0 end) as has_prompt,
        max(case when is_text then 1 else 0 end) as has_text,
        count(distinct case when not is_text then identifier_type end) as registry_kind_count,
        count(distinct text_kind) as text_kind_count,
        max(text_count) as text_count

    from used_links
    group by account_key

),

delivered as (

    -- where no prompt was delivered, system prompts are all there is
    select count(case when is_text and identifier_type <> 'system_fp' then 1 end) as prompt_group_count
    from groups

),

supported as (

    -- A phrase, a card or a sign-up day alone joins nobody: the account must also ask for what the others extract,
    -- behave alike, share more of the text than one end of it, or share several texts.
    select l.*
    from used_links as l
    inner join likenesses as k on l.account_key = k.account_key
    inner join evidence as e on l.account_key = e.account_key
    cross join delivered as d
    -- Whose texts are known and are not those of the others may have one card range in common by chance, unless what it
    -- does speaks for it on the whole.
    where (k.has_text = 1 or k.registry_kind_count >= 2 or e.text_count = 0 or e.own_bits > 0)
        and (k.is_alike = 1 or k.text_kind_count >= 2 or k.text_count >= {{ var('membership_texts_minimum') | int }})
        -- nor does the system prompt of a tool: an honest reseller's customers bring it along, too
        and (
            l.identifier_type <> 'system_fp' or l.has_technique or l.is_pool
            or k.has_prompt = 1 or d.prompt_group_count = 0
        )

),

per_kind as (

    -- two beginnings of one text are no two witnesses: of each kind of likeness the strongest counts
    select
        account_key,
        coalesce(text_kind, identifier_type) as link_kind,
        max(holder_probability) as holder_probability

    from supported
    group by account_key, coalesce(text_kind, identifier_type)

),

none_of_kinds as (

    select
        account_key,
        sum(cast({{ log2_of('1.0 - holder_probability') }} as decimal(18, 6))) as none_bits

    from per_kind
    group by account_key

),

per_account as (

    select
        s.account_key,
        max(case when s.is_reference then 1 else 0 end) as is_reference,
        count(distinct s.identifier_type) as group_type_count,
        max(case when s.is_text then 1 else 0 end) as has_text_group,
        max(s.total_bits) as best_group_bits,
        min(n.none_bits) as none_bits

    from supported as s
    inner join none_of_kinds as n on s.account_key = n.account_key
    group by s.account_key

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
    s.is_technique_text,
    s.is_pool,
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
