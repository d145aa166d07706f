{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

suspected as (

    select
        account_key,
        group_id,
        identifier_type,
        group_bits,
        exchange_count,
        cast(null as bigint) as shared_exit_count,
        cast(null as bigint) as address_count

    from {{ ref('int_suspected_members') }}
    where account_key not in (select account_key from {{ ref('int_related_accounts') }})
    union all
    select
        account_key,
        group_id,
        identifier_type,
        group_bits,
        exchange_count,
        shared_exit_count,
        address_count

    from {{ ref('int_related_accounts') }}

),

clusters as (

    select * from {{ ref('int_clusters') }}

),

groups as (

    select * from {{ ref('int_groups__scored') }}

),

members as (

    select
        s.*,
        c.cluster_id,
        row_number() over (partition by s.account_key order by s.group_bits desc, s.group_id) as own_rank

    from suspected as s
    inner join clusters as c on s.account_key = c.account_key

),

hubs as (

    select
        cluster_id,
        group_id,
        row_number() over (partition by cluster_id order by count(*) desc, group_id) as hub_rank

    from members
    group by cluster_id, group_id

),

kept as (

    -- a network of hundreds shares thousands of texts: its largest hubs, and the strongest of each account
    select m.*
    from members as m
    inner join hubs as h on m.cluster_id = h.cluster_id and m.group_id = h.group_id
    where h.hub_rank <= {{ var('links_hubs_per_cluster') | int }} or m.own_rank = 1

)

select
    {{ run_date() }} as as_of_date,
    k.account_key,
    k.group_id as linked_key,
    k.identifier_type as link_type,
    {{ as_ratio(var('evidence_slope') ~ " * cast(k.group_bits as double) * ln(2.0) / ln(10.0)") }} as log10_likelihood_ratio,
    '{"shared": "' || g.label || '", "holders": ' || cast(g.member_count as varchar)
    || ', "established_ratio": ' || {{ number_text('g.established_ratio', 6) }}
    || ', "exchanges_with_it": ' || cast(k.exchange_count as varchar)
    || coalesce(', "addresses_of_the_campaign": ' || cast(k.shared_exit_count as varchar) || ', "addresses": ' || cast(k.address_count as varchar), '')
    || '}' as evidence

from kept as k
inner join groups as g on k.group_id = g.group_id
