with

nodes as (

    select * from {{ ref('int_campaign_nodes') }}
    where as_of_date = {{ run_date() }}

),

account_nodes as (

    select
        campaign_id,
        node_key as account_key

    from nodes
    where node_type = 'account'

),

pool_groups as (

    -- texts by which only a pool is known: its customers' texts
    select g.group_id
    from {{ ref('int_groups') }} as g
    inner join {{ ref('int_groups__scored') }} as s on g.preferred_group_id = s.group_id
    where s.is_pool

),

fingerprint_nodes as (

    select
        n.campaign_id,
        n.identifier_type,
        n.identifier_value,
        p.group_id is not null as is_pool

    from nodes as n
    left join pool_groups as p on n.node_key = p.group_id
    where n.node_type = 'fingerprint'

),

recognised as (

    select distinct campaign_id
    from fingerprint_nodes
    where not is_pool

),

fingerprints as (

    -- Where it is known what a campaign extracts, what its customers ask is not that.
    select
        f.campaign_id,
        f.identifier_type,
        f.identifier_value,
        max(case when f.is_pool and r.campaign_id is not null then 0 else 1 end) as is_fingerprint

    from fingerprint_nodes as f
    left join recognised as r on f.campaign_id = r.campaign_id
    group by f.campaign_id, f.identifier_type, f.identifier_value

),

group_members as (

    select * from {{ ref('int_group_members') }}

),

types as (

    select * from {{ ref('group_types') }}
    where is_text and identifier_type <> 'system_fp'

),

own_groups as (

    -- prompts that hardly anybody but the campaign's accounts shares, and no ordinary old customer
    select
        a.campaign_id,
        m.group_id,
        count(*) as holder_count

    from group_members as m
    inner join account_nodes as a on m.account_key = a.account_key
    inner join types as t on m.identifier_type = t.identifier_type
    group by a.campaign_id, m.group_id
    having count(*) >= {{ var('group_members_minimum') | int }}

),

all_holders as (

    select
        group_id,
        count(*) as holder_count,
        count(case when is_bystander then 1 end) as bystander_count

    from group_members
    group by group_id

),

values_by_group as (

    select distinct
        group_id,
        identifier_type,
        identifier_value

    from {{ ref('int_account_identifiers') }}

),

texts as (

    -- what the campaign is known by, and what else only its accounts share
    select
        campaign_id,
        identifier_type,
        identifier_value,
        max(is_fingerprint) as is_fingerprint

    from (
        select * from fingerprints
        union all
        select o.campaign_id, v.identifier_type, v.identifier_value, 0 as is_fingerprint
        from own_groups as o
        inner join all_holders as h on o.group_id = h.group_id
        inner join values_by_group as v on o.group_id = v.group_id
        where h.bystander_count = 0 and o.holder_count >= {{ var('campaign_own_text_ratio_minimum') }} * h.holder_count
    ) as either
    group by campaign_id, identifier_type, identifier_value

),

prompt_days as (

    select * from {{ ref('int_prompt_days') }}
    where delivered_date <= {{ run_date() }}

),

member_prompts as (

    select
        a.campaign_id,
        d.*,
        coalesce(cast(d.prompt_fp as varchar), '-') || '|' || coalesce(cast(d.system_fp as varchar), '-') as prompt_key

    from prompt_days as d
    inner join account_nodes as a on d.account_key = a.account_key

),

prompts as (

    -- all that a prompt is known by follows from it
    select distinct
        campaign_id,
        prompt_key,
        {% for column in text_fingerprints() -%}
        {{ column }},
        {% endfor -%}
        bands

    from member_prompts

),

prompted as (

    select distinct campaign_id
    from fingerprints
    where identifier_type <> 'system_fp'

),

asking_systems as (

    -- A system prompt is the tool through which something is asked, and a reseller's honest customers use it, too. It
    -- tells extraction only with a technique in it, or where no prompt is known.
    select
        m.campaign_id,
        cast(m.system_fp as varchar) as identifier_value

    from member_prompts as m
    left join prompted as p on m.campaign_id = p.campaign_id
    where m.system_fp is not null
    group by m.campaign_id, m.system_fp
    having max(case when p.campaign_id is null then 1 else 0 end) = 1
        or sum(m.technique_count) >= {{ var('extraction_system_technique_ratio') }} * sum(m.exchange_count)

),

band_rows as (

    select
        campaign_id,
        prompt_key,
        band_value

    from {{ unnest_list('prompts', 'bands', 'band_value') }}

),

features as (

    {% for column in text_fingerprints() -%}
    select campaign_id, prompt_key, '{{ column }}' as identifier_type, cast({{ column }} as varchar) as identifier_value
    from prompts
    where {{ column }} is not null
    union all
    {% endfor -%}
    select campaign_id, prompt_key, 'minhash_band', cast(band_value as varchar)
    from band_rows

),

matched as (

    select
        f.campaign_id,
        f.prompt_key,
        max(t.is_fingerprint) as is_fingerprint

    from features as f
    inner join texts as t
        on f.campaign_id = t.campaign_id
        and f.identifier_type = t.identifier_type and f.identifier_value = t.identifier_value
    left join asking_systems as s on f.campaign_id = s.campaign_id and f.identifier_value = s.identifier_value
    where f.identifier_type <> 'system_fp' or s.campaign_id is not null
    group by f.campaign_id, f.prompt_key

),

of_prompts as (

    -- What a member asks with a technique is extraction, whoever else asks it.
    select
        m.campaign_id,
        m.account_key,
        m.activity_date,
        m.capability_code,
        sum(case when t.is_fingerprint = 1 then m.exchange_count else m.technique_count end) as exchange_count,
        sum(case when t.prompt_key is not null then m.exchange_count else m.technique_count end) as own_exchange_count

    from member_prompts as m
    left join matched as t on m.campaign_id = t.campaign_id and m.prompt_key = t.prompt_key
    group by m.campaign_id, m.account_key, m.activity_date, m.capability_code

),

of_artifacts as (

    -- an exchange may carry several artefacts, so of those of an account's day only the commonest counts
    select
        a.campaign_id,
        d.account_key,
        d.activity_date,
        d.capability_code,
        max(f.is_fingerprint * d.exchange_count) as exchange_count,
        max(d.exchange_count) as own_exchange_count

    from {{ ref('int_identifier_days') }} as d
    inner join account_nodes as a on d.account_key = a.account_key
    inner join texts as f
        on a.campaign_id = f.campaign_id
        and d.identifier_type = f.identifier_type and d.identifier_value = f.identifier_value
    where d.identifier_type = 'artifact' and d.delivered_date <= {{ run_date() }}
    group by a.campaign_id, d.account_key, d.activity_date, d.capability_code

),

either as (

    select * from of_prompts
    union all
    select * from of_artifacts

)

select
    campaign_id,
    account_key,
    activity_date,
    capability_code,
    max(exchange_count) as extraction_exchange_count,
    max(own_exchange_count) as own_text_exchange_count

from either
group by campaign_id, account_key, activity_date, capability_code
having max(own_exchange_count) > 0
