with

members as (

    select
        m.group_id,
        m.account_key

    from {{ ref('int_group_members') }} as m
    inner join {{ ref('int_groups') }} as g on m.group_id = g.group_id
    where not m.is_cleared
        and g.is_text
        and g.group_id = g.preferred_group_id
        and g.uncleared_count >= {{ var('pool_accounts_minimum') | int }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

own_domains as (

    -- a domain that many established accounts have is a mail provider's, and ties nobody
    select
        account_key,
        attribute_value as email_domain

    from {{ ref('int_account_attributes') }}
    where attribute = 'email_domain' and reference_ratio <= {{ var('tie_established_ratio_maximum') }}

),

ties as (

    select account_key, 'organization' as tie, organization_id as tie_value
    from accounts
    where organization_id is not null
    union all
    select account_key, 'payment instrument', payment_token
    from accounts
    where payment_token is not null
    union all
    select account_key, 'e-mail domain', email_domain
    from own_domains

),

sizes as (

    select
        group_id,
        count(*) as member_count

    from members
    group by group_id

),

tied as (

    select
        m.group_id,
        t.tie,
        t.tie_value,
        count(*) as tied_count

    from members as m
    inner join ties as t on m.account_key = t.account_key
    group by m.group_id, t.tie, t.tie_value

)

select
    s.group_id,
    coalesce(max(t.tied_count), 0) * 1.0 / max(s.member_count) as tied_ratio

from sizes as s
left join tied as t on s.group_id = t.group_id
group by s.group_id
