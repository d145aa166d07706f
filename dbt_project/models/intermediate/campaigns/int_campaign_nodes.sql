{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date') }}

with

clusters as (

    select * from {{ ref('int_clusters') }}

),

decisions as (

    select * from {{ ref('int_campaign_decisions') }}

),

splits as (

    select * from {{ ref('int_campaign_splits') }}

),

suspected as (

    select * from {{ ref('int_suspected_members') }}

),

groups as (

    select * from {{ ref('int_groups') }}

),

identifiers as (

    select distinct
        group_id,
        identifier_type,
        identifier_value

    from {{ ref('int_account_identifiers') }}

),

stored as (

    {% if is_incremental() -%}
    select * from {{ this }}
    where as_of_date = (select max(as_of_date) from {{ this }} where as_of_date < {{ run_date() }})
    {%- else -%}
    select
        cast(null as date) as as_of_date,
        cast(null as varchar) as campaign_id,
        cast(null as varchar) as node_type,
        cast(null as varchar) as node_key,
        cast(null as varchar) as identifier_type,
        cast(null as varchar) as identifier_value,
        cast(null as varchar) as cluster_id,
        false as is_current,
        cast(null as double) as membership_probability,
        cast(null as varchar) as role,
        cast(null as date) as first_flagged_date,
        cast(null as date) as campaign_flagged_date,
        cast(null as varchar) as parent_campaign_id,
        cast(null as varchar) as merged_into_campaign_id
    from clusters
    where 1 = 0
    {%- endif %}

),

{{ apply_campaign_decisions('stored', 'decisions', 'splits') }},

parts as (

    -- what a person has split off is taken out of its cluster
    select
        c.account_key,
        c.cluster_id,
        c.membership_probability,
        c.role,
        p.campaign_id as split_from_campaign_id,
        p.split_campaign_id,
        c.cluster_id || coalesce('|' || p.split_campaign_id, '') as part_id

    from clusters as c
    left join split_accounts as p on c.account_key = p.account_key

),

account_nodes as (

    select
        c.part_id,
        c.cluster_id,
        'account' as node_type,
        c.account_key as node_key,
        cast(null as varchar) as identifier_type,
        cast(null as varchar) as identifier_value,
        c.membership_probability,
        c.role

    from parts as c

),

group_nodes as (

    -- the shared texts, under every value that names the same members
    select distinct
        c.part_id,
        c.cluster_id,
        'fingerprint' as node_type,
        g.group_id as node_key,
        i.identifier_type,
        i.identifier_value,
        cast(null as double) as membership_probability,
        cast(null as varchar) as role

    from parts as c
    inner join suspected as s on c.account_key = s.account_key
    inner join groups as g on s.group_id = g.preferred_group_id
    inner join identifiers as i on g.group_id = i.group_id
    where s.is_text and g.is_text

),

nodes as (

    select * from account_nodes
    union all
    select * from group_nodes

),

split_parts as (

    select distinct
        part_id,
        split_from_campaign_id,
        split_campaign_id

    from parts
    where split_campaign_id is not null

),

open_prior as (

    select * from prior
    where merged_into_campaign_id is null

),

part_sizes as (

    select
        part_id,
        count(case when node_type = 'account' then 1 end) as account_count,
        count(case when node_type = 'fingerprint' then 1 end) as fingerprint_count

    from nodes
    group by part_id

),

campaign_sizes as (

    select
        campaign_id,
        min(campaign_flagged_date) as campaign_flagged_date,
        count(case when node_type = 'account' then 1 end) as account_count,
        count(case when node_type = 'fingerprint' then 1 end) as fingerprint_count

    from open_prior
    group by campaign_id

),

shared as (

    select
        n.part_id,
        p.campaign_id,
        count(case when n.node_type = 'account' then 1 end) as shared_account_count,
        count(case when n.node_type = 'fingerprint' then 1 end) as shared_fingerprint_count

    from nodes as n
    inner join open_prior as p on n.node_type = p.node_type and n.node_key = p.node_key
    left join split_parts as d on n.part_id = d.part_id
    left join active_splits as a on p.campaign_id = a.split_campaign_id
    where d.part_id is null and a.split_campaign_id is null
    group by n.part_id, p.campaign_id

),

overlapping as (

    select
        s.*,
        row_number() over (
            partition by s.campaign_id
            order by s.shared_account_count desc, s.shared_fingerprint_count desc, s.part_id
        ) as part_rank

    from shared as s
    inner join part_sizes as k on s.part_id = k.part_id
    inner join campaign_sizes as c on s.campaign_id = c.campaign_id
    where s.shared_account_count >= {{ var('campaign_overlap_minimum') }} * least(k.account_count, c.account_count)
        or (k.fingerprint_count > 0 and c.fingerprint_count > 0
            and s.shared_fingerprint_count >= 0.5 * least(k.fingerprint_count, c.fingerprint_count))

),

claims as (

    -- a campaign goes where most of it went; of several that went to one cluster the largest part keeps its id
    select
        o.*,
        row_number() over (
            partition by o.part_id
            order by o.shared_account_count desc, o.shared_fingerprint_count desc, o.campaign_id
        ) as claim_rank

    from overlapping as o
    where o.part_rank = 1

),

second_parts as (

    -- a second part of a campaign is a new one, unless a person has said that they are one
    select
        o.part_id,
        o.campaign_id,
        j.campaign_id is not null as is_joined,
        row_number() over (
            partition by o.part_id order by o.shared_account_count desc, o.shared_fingerprint_count desc, o.campaign_id
        ) as parent_rank

    from overlapping as o
    left join joined_campaigns as j on o.campaign_id = j.campaign_id
    where o.part_rank > 1

),

assigned as (

    select
        k.part_id,
        coalesce(
            d.split_campaign_id,
            c.campaign_id,
            case when f.is_joined then f.campaign_id end,
            'SW-' || upper(substr(md5(cast({{ run_date() }} as varchar) || '|' || k.part_id), 1, 8))
        ) as campaign_id,
        case
            when d.split_campaign_id is not null then d.split_from_campaign_id
            when c.campaign_id is null and not f.is_joined then f.campaign_id
        end as parent_campaign_id

    from part_sizes as k
    left join split_parts as d on k.part_id = d.part_id
    left join claims as c on k.part_id = c.part_id and c.claim_rank = 1
    left join second_parts as f on k.part_id = f.part_id and f.parent_rank = 1

),

absorbed as (

    select
        c.campaign_id,
        a.campaign_id as merged_into_campaign_id

    from claims as c
    inner join assigned as a on c.part_id = a.part_id
    where c.claim_rank > 1

),

parents as (

    select
        campaign_id,
        max(parent_campaign_id) as parent_campaign_id

    from prior
    group by campaign_id

),

current_nodes as (

    select
        {{ run_date() }} as as_of_date,
        a.campaign_id,
        n.node_type,
        n.node_key,
        n.identifier_type,
        n.identifier_value,
        n.cluster_id,
        true as is_current,
        n.membership_probability,
        n.role,
        coalesce(p.first_flagged_date, {{ run_date() }}) as first_flagged_date,
        coalesce(s.campaign_flagged_date, {{ run_date() }}) as campaign_flagged_date,
        coalesce(a.parent_campaign_id, r.parent_campaign_id) as parent_campaign_id,
        cast(null as varchar) as merged_into_campaign_id

    from nodes as n
    inner join assigned as a on n.part_id = a.part_id
    left join campaign_sizes as s on a.campaign_id = s.campaign_id
    left join parents as r on a.campaign_id = r.campaign_id
    left join prior as p
        on a.campaign_id = p.campaign_id and n.node_type = p.node_type and n.node_key = p.node_key

),

carried_nodes as (

    -- nobody vanishes: what was in a campaign stays in it, marked as not seen in today's cluster
    select
        {{ run_date() }} as as_of_date,
        p.campaign_id,
        p.node_type,
        p.node_key,
        p.identifier_type,
        p.identifier_value,
        p.cluster_id,
        false as is_current,
        p.membership_probability,
        p.role,
        p.first_flagged_date,
        p.campaign_flagged_date,
        p.parent_campaign_id,
        coalesce(p.merged_into_campaign_id, b.merged_into_campaign_id) as merged_into_campaign_id

    from prior as p
    left join absorbed as b on p.campaign_id = b.campaign_id
    left join current_nodes as c
        on p.node_type = c.node_type and p.node_key = c.node_key
        and (p.campaign_id = c.campaign_id or (p.node_type = 'account' and b.campaign_id is null and p.merged_into_campaign_id is null))
    where c.node_key is null

)

select * from current_nodes
union all
select * from carried_nodes
