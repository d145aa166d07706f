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
    select a.account_key, 'e-mail domain', d.email_domain
    from accounts as a
    left join own_domains as d on a.account_key = d.account_key
    where a.email_domain is not null

),

sizes as (

    select
        group_id,
        count(*) as member_count

    from members
    group by group_id

),

known as (

    -- unknown is not none: a kind of tie says something where it is known of at least half
    select
        m.group_id,
        t.tie,
        count(*) as known_count

    from members as m
    inner join ties as t on m.account_key = t.account_key
    inner join sizes as s on m.group_id = s.group_id
    group by m.group_id, t.tie
    having count(*) * 2 >= max(s.member_count)

),

tied as (

    select
        m.group_id,
        t.tie,
        t.tie_value,
        count(*) as tied_count

    from members as m
    inner join ties as t on m.account_key = t.account_key
    where t.tie_value is not null
    group by m.group_id, t.tie, t.tie_value

)

select
    s.group_id,
    max(case when k.tie is not null then coalesce(t.tied_count, 0) * 1.0 / k.known_count end) as tied_ratio

from sizes as s
left join known as k on s.group_id = k.group_id
left join tied as t on k.group_id = t.group_id and k.tie = t.tie
group by s.group_id
