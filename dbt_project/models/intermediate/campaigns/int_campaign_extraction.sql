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

fingerprints as (

    select distinct
        campaign_id,
        identifier_type,
        identifier_value

    from nodes
    where node_type = 'fingerprint'

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
        select campaign_id, identifier_type, identifier_value, 1 as is_fingerprint
        from fingerprints
        union all
        select o.campaign_id, v.identifier_type, v.identifier_value, 0 as is_fingerprint
        from own_groups as o
        inner join all_holders as h on o.group_id = h.group_id
        inner join values_by_group as v on o.group_id = v.group_id
        where h.bystander_count = 0 and o.holder_count >= {{ var('campaign_own_text_ratio_minimum') }} * h.holder_count
    ) as either
    group by campaign_id, identifier_type, identifier_value

),

identifier_days as (

    select * from {{ ref('int_identifier_days') }}
    where delivered_date <= {{ run_date() }}

),

used as (

    select
        a.campaign_id,
        d.account_key,
        d.activity_date,
        d.capability_code,
        d.identifier_type,
        d.identifier_value,
        d.exchange_count,
        d.technique_count,
        f.is_fingerprint

    from identifier_days as d
    inner join account_nodes as a on d.account_key = a.account_key
    inner join texts as f
        on a.campaign_id = f.campaign_id
        and d.identifier_type = f.identifier_type and d.identifier_value = f.identifier_value

),

counted as (

    -- A system prompt is the tool through which something is asked, and a reseller's honest customers use it, too. It
    -- tells extraction only with a technique in it, or where no prompt is known.
    select
        campaign_id,
        identifier_type,
        identifier_value

    from (
        select
            campaign_id,
            identifier_type,
            identifier_value,
            sum(technique_count) as technique_count,
            sum(exchange_count) as exchange_count,
            max(case when identifier_type <> 'system_fp' then is_fingerprint else 0 end) over (partition by campaign_id) as has_prompts

        from used
        group by campaign_id, identifier_type, identifier_value, is_fingerprint
    ) as summed
    where identifier_type <> 'system_fp'
        or has_prompts = 0
        or technique_count >= {{ var('extraction_system_technique_ratio') }} * exchange_count

),

per_type as (

    -- Prefixes and suffixes of one type are exclusive, so their counts add up. An exchange has many bands,
    -- so of those only the commonest one counts.
    select
        u.campaign_id,
        u.account_key,
        u.activity_date,
        u.capability_code,
        u.identifier_type,
        case
            when u.identifier_type in ('minhash_band', 'artifact') then max(u.is_fingerprint * u.exchange_count)
            else sum(u.is_fingerprint * u.exchange_count)
        end as exchange_count,
        case
            when u.identifier_type in ('minhash_band', 'artifact') then max(u.exchange_count)
            else sum(u.exchange_count)
        end as own_exchange_count

    from used as u
    inner join counted as c
        on u.campaign_id = c.campaign_id
        and u.identifier_type = c.identifier_type and u.identifier_value = c.identifier_value
    group by u.campaign_id, u.account_key, u.activity_date, u.capability_code, u.identifier_type

)

select
    campaign_id,
    account_key,
    activity_date,
    capability_code,
    max(exchange_count) as extraction_exchange_count,
    max(own_exchange_count) as own_text_exchange_count

from per_type
group by campaign_id, account_key, activity_date, capability_code
