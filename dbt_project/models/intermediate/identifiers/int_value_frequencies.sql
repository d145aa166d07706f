with

identifiers as (

    select * from {{ ref('int_account_identifiers') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

reference as (

    select * from {{ ref('int_reference_accounts') }}

),

established as (

    select count(*) as established_account_count
    from reference

),

per_value as (

    select
        i.group_id,
        min(i.identifier_type) as identifier_type,
        count(*) as holder_count,
        count(r.account_key) as established_holder_count,
        count(case when a.is_verified or a.is_allowlisted then 1 end) as verified_holder_count

    from identifiers as i
    inner join accounts as a on i.account_key = a.account_key
    left join reference as r on i.account_key = r.account_key
    group by i.group_id

)

select
    v.*,
    e.established_account_count,
    (v.established_holder_count + 0.5) / (e.established_account_count + 1.0) as established_ratio

from per_value as v
cross join established as e
where v.holder_count >= {{ var('group_members_minimum') | int }}
