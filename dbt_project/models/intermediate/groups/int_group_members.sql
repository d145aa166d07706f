with

identifiers as (

    select * from {{ ref('int_account_identifiers') }}

),

frequencies as (

    select * from {{ ref('int_value_frequencies') }}

),

evidence as (

    select * from {{ ref('int_account_evidence') }}

),

rare_values as (

    select * from frequencies
    where established_ratio <= {{ var('group_established_ratio_maximum') }}
        and holder_count <= {{ var('group_members_maximum') | int }}
        and holder_count - verified_holder_count >= {{ var('group_members_minimum') | int }}

)

select
    i.group_id,
    i.identifier_type,
    i.account_key,
    e.account_ordinal,
    e.is_cleared,
    e.is_reference,
    e.hot_behaviour_count,
    i.exchange_count,
    i.technique_count,
    coalesce(i.active_day_count, e.active_day_count) as active_day_count,
    i.exchange_count * 1.0 / e.exchange_count as traffic_ratio,
    r.established_ratio

from identifiers as i
inner join rare_values as r on i.group_id = r.group_id
inner join evidence as e on i.account_key = e.account_key
