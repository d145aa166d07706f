{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

members as (

    select s.*
    from {{ ref('int_suspected_members') }} as s
    inner join {{ ref('int_components') }} as c on s.account_key = c.account_key

),

groups as (

    select * from {{ ref('int_groups__scored') }}

)

select
    {{ run_date() }} as as_of_date,
    m.account_key,
    m.group_id as linked_key,
    m.identifier_type as link_type,
    {{ as_ratio(var('evidence_slope') ~ " * cast(m.group_bits as double) * ln(2.0) / ln(10.0)") }} as log10_likelihood_ratio,
    '{"shared": "' || g.label || '", "holders": ' || cast(g.member_count as varchar)
    || ', "established_ratio": ' || {{ number_text('g.established_ratio', 6) }}
    || ', "exchanges_with_it": ' || cast(m.exchange_count as varchar) || '}' as evidence

from members as m
inner join groups as g on m.group_id = g.group_id
