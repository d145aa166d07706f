with

components as (

    select * from {{ ref('int_components') }}

),

joined as (

    select * from {{ ref('int_joined_components') }}

),

suspected as (

    select
        account_key,
        max(membership_probability) as membership_probability,
        max(has_text_group) as has_text_group,
        max(group_type_count) as group_type_count

    from {{ ref('int_suspected_members') }}
    group by account_key

),

related as (

    select
        account_key,
        min(cluster_label) as cluster_label,
        max(membership_probability) as membership_probability

    from {{ ref('int_related_accounts') }}
    group by account_key

),

members as (

    select
        c.account_key,
        c.component_label,
        j.cluster_label,
        s.membership_probability,
        case
            when s.has_text_group = 0 then 'camouflage'
            when s.group_type_count >= 3 then 'core'
            else 'member'
        end as role

    from components as c
    inner join joined as j on c.component_label = j.component_label
    inner join suspected as s on c.account_key = s.account_key
    union all
    select
        account_key,
        cast(null as bigint) as component_label,
        cluster_label,
        membership_probability,
        'camouflage' as role

    from related

),

named as (

    select
        cluster_label,
        min(account_key) as first_account_key

    from members
    where component_label is not null
    group by cluster_label

)

select
    m.account_key,
    {{ stable_key("cast(" ~ run_date() ~ " as varchar) || '|' || n.first_account_key") }} as cluster_id,
    m.component_label,
    m.membership_probability,
    m.role

from members as m
inner join named as n on m.cluster_label = n.cluster_label
