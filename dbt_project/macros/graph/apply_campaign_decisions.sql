{#-
    What people have decided about the nodes of the newest earlier day (`stored`): the CTE `prior`, the same
    nodes after the mergers and splits in force. `decisions` has the rows of int_campaign_decisions, `splits`
    those of int_campaign_splits. Also left for later use:

    - `joined_campaigns`: campaigns into which a person has merged another;
    - `active_splits`: campaign_id and split_campaign_id of the splits that hold today;
    - `split_accounts`: the accounts that these splits take out of today's clusters.

    A merger acts once, on two campaigns that are open; it marks the one and adds its nodes to the other. A
    split acts on every day while it is in force, because the cluster does not know of it.
-#}
{% macro apply_campaign_decisions(stored, decisions, splits) -%}
stored_campaigns as (

    select
        campaign_id,
        min(campaign_flagged_date) as campaign_flagged_date,
        max(parent_campaign_id) as parent_campaign_id,
        max(merged_into_campaign_id) as merged_into_campaign_id

    from {{ stored }}
    group by campaign_id

),

merge_decisions as (

    select
        campaign_id,
        target

    from {{ decisions }}
    where kind = 'merge' and recency = 1

),

aimed_merges as (

    -- one step further where the target has been merged itself, or is to be
    select
        m.campaign_id,
        coalesce(c.merged_into_campaign_id, n.target, m.target) as target_campaign_id

    from merge_decisions as m
    left join stored_campaigns as c on m.target = c.campaign_id
    left join merge_decisions as n on m.target = n.campaign_id

),

applied_merges as (

    select
        m.campaign_id,
        t.campaign_id as target_campaign_id,
        t.campaign_flagged_date,
        t.parent_campaign_id

    from aimed_merges as m
    inner join stored_campaigns as s on m.campaign_id = s.campaign_id
    inner join stored_campaigns as t on m.target_campaign_id = t.campaign_id
    left join merge_decisions as n on t.campaign_id = n.campaign_id
    where s.merged_into_campaign_id is null and t.merged_into_campaign_id is null
        and s.campaign_id <> t.campaign_id and n.campaign_id is null

),

joined_campaigns as (

    select target_campaign_id as campaign_id from applied_merges
    union
    select s.merged_into_campaign_id as campaign_id
    from stored_campaigns as s
    inner join merge_decisions as m on s.campaign_id = m.campaign_id
    where s.merged_into_campaign_id is not null

),

active_splits as (

    -- it begins while the campaign is open, and ends when what was split off has been merged
    select distinct
        d.campaign_id,
        d.split_campaign_id,
        n.campaign_id is null as is_new,
        coalesce(n.campaign_flagged_date, {{ run_date() }}) as campaign_flagged_date

    from {{ splits }} as d
    left join stored_campaigns as s on d.campaign_id = s.campaign_id
    left join stored_campaigns as n on d.split_campaign_id = n.campaign_id
    left join applied_merges as m on d.split_campaign_id = m.campaign_id
    where m.campaign_id is null and n.merged_into_campaign_id is null
        and (n.campaign_id is not null or (s.campaign_id is not null and s.merged_into_campaign_id is null))

),

split_accounts as (

    -- members of other campaigns that happen to hold the value stay where they are
    select
        d.account_key,
        d.campaign_id,
        d.split_campaign_id,
        a.campaign_flagged_date

    from {{ splits }} as d
    inner join active_splits as a on d.split_campaign_id = a.split_campaign_id
    left join {{ stored }} as s
        on d.account_key = s.node_key and s.node_type = 'account' and s.merged_into_campaign_id is null
        and s.campaign_id <> d.campaign_id and s.campaign_id <> d.split_campaign_id
    where s.node_key is null

),

decided_nodes as (

    select
        s.as_of_date,
        coalesce(p.split_campaign_id, s.campaign_id) as campaign_id,
        s.node_type,
        s.node_key,
        s.identifier_type,
        s.identifier_value,
        s.cluster_id,
        s.is_current,
        s.membership_probability,
        s.role,
        case when p.account_key is null then s.first_flagged_date else {{ run_date() }} end as first_flagged_date,
        coalesce(p.campaign_flagged_date, s.campaign_flagged_date) as campaign_flagged_date,
        case when p.account_key is null then s.parent_campaign_id else s.campaign_id end as parent_campaign_id,
        case when p.account_key is null then coalesce(s.merged_into_campaign_id, m.target_campaign_id) end as merged_into_campaign_id

    from {{ stored }} as s
    left join split_accounts as p
        on s.node_type = 'account' and s.node_key = p.account_key
        and s.campaign_id = p.campaign_id and s.merged_into_campaign_id is null
    left join applied_merges as m on s.campaign_id = m.campaign_id

),

inherited_nodes as (

    -- a new part goes on with the texts of the whole
    select
        s.as_of_date,
        a.split_campaign_id as campaign_id,
        s.node_type,
        s.node_key,
        s.identifier_type,
        s.identifier_value,
        s.cluster_id,
        false as is_current,
        s.membership_probability,
        s.role,
        {{ run_date() }} as first_flagged_date,
        a.campaign_flagged_date,
        s.campaign_id as parent_campaign_id,
        cast(null as varchar) as merged_into_campaign_id

    from {{ stored }} as s
    inner join active_splits as a on s.campaign_id = a.campaign_id
    where a.is_new and s.node_type = 'fingerprint'

),

taken_over_nodes as (

    -- what is merged is there twice: in the campaign that is closed, and in the one that goes on
    select
        s.as_of_date,
        m.target_campaign_id as campaign_id,
        s.node_type,
        s.node_key,
        s.identifier_type,
        s.identifier_value,
        s.cluster_id,
        s.is_current,
        s.membership_probability,
        s.role,
        s.first_flagged_date,
        m.campaign_flagged_date,
        m.parent_campaign_id,
        cast(null as varchar) as merged_into_campaign_id,
        row_number() over (
            partition by m.target_campaign_id, s.node_type, s.node_key order by s.first_flagged_date, s.campaign_id
        ) as preference

    from decided_nodes as s
    inner join applied_merges as m on s.campaign_id = m.campaign_id
    left join decided_nodes as t
        on m.target_campaign_id = t.campaign_id and s.node_type = t.node_type and s.node_key = t.node_key
    where t.node_key is null

),

prior as (

    select * from decided_nodes
    union all
    select * from inherited_nodes
    union all
    select
        as_of_date,
        campaign_id,
        node_type,
        node_key,
        identifier_type,
        identifier_value,
        cluster_id,
        is_current,
        membership_probability,
        role,
        first_flagged_date,
        campaign_flagged_date,
        parent_campaign_id,
        merged_into_campaign_id

    from taken_over_nodes
    where preference = 1

)
{%- endmacro %}
