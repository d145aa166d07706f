with

identifiers as (

    select * from {{ ref('int_account_identifiers') }}

),

cleared_uses as (

    select * from {{ ref('int_cleared_uses') }}

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

),

authorised as (

    -- what these accounts do is what the allow-list says they may
    select
        c.account_key,
        true as is_authorised

    from cleared_uses as c
    inner join evidence as e on c.account_key = e.account_key
    where c.identifier_type = 'exchange'
        and c.exchange_count >= {{ var('template_clearance_ratio_minimum') }} * e.exchange_count

),

held as (

    -- exchanges made from an allow-listed template say nothing, whatever else they carry
    select
        i.group_id,
        i.identifier_type,
        i.account_key,
        e.account_ordinal,
        e.is_cleared or coalesce(a.is_authorised, false) as is_cleared,
        e.is_reference,
        e.is_bystander,
        e.hot_behaviour_count,
        i.exchange_count - coalesce(c.exchange_count, 0) as exchange_count,
        i.technique_count - coalesce(c.technique_count, 0) as technique_count,
        coalesce(i.active_day_count, e.active_day_count) as active_day_count,
        (i.exchange_count - coalesce(c.exchange_count, 0)) * 1.0 / e.exchange_count as traffic_ratio,
        r.established_ratio

    from identifiers as i
    inner join rare_values as r on i.group_id = r.group_id
    inner join evidence as e on i.account_key = e.account_key
    left join cleared_uses as c on i.group_id = c.group_id and i.account_key = c.account_key
    left join authorised as a on i.account_key = a.account_key

),

counted as (

    select
        *,
        count(case when not is_cleared then 1 end) over (partition by group_id) as uncleared_holder_count

    from held
    where exchange_count > 0

)

select
    group_id,
    identifier_type,
    account_key,
    account_ordinal,
    is_cleared,
    is_reference,
    is_bystander,
    hot_behaviour_count,
    exchange_count,
    technique_count,
    active_day_count,
    traffic_ratio,
    established_ratio

from counted
where uncleared_holder_count >= {{ var('group_members_minimum') | int }}
