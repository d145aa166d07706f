with

accounts as (

    select * from {{ ref('int_accounts') }}

),

evidence as (

    select * from {{ ref('int_account_evidence') }}

),

windows as (

    select * from {{ ref('int_account_windows') }}

),

templates as (

    select * from {{ ref('int_account_templates') }}

),

identifiers as (

    select * from {{ ref('int_account_identifiers') }}
    where identifier_type = 'client'

),

clients as (

    select
        account_key,
        identifier_value,
        row_number() over (partition by account_key order by exchange_count desc, identifier_value) as prominence

    from identifiers

),

active as (

    select a.*
    from accounts as a
    inner join evidence as e on a.account_key = e.account_key

),

attributes as (

    {% for column in ['email_domain', 'email_grammar', 'payment_bin', 'payment_type', 'billing_country', 'signup_path',
                      'signup_country', 'signup_ja4', 'plan', 'kyc_level'] -%}
    select account_key, '{{ column }}' as attribute, {{ column }} as attribute_value
    from active
    where {{ column }} is not null
    union all
    {% endfor -%}
    select account_key, 'signup_date', cast(cast(created_at as date) as varchar)
    from active
    where created_at is not null
    union all
    select account_key, 'network', first_asn
    from windows
    where first_asn is not null
    union all
    select account_key, 'template', group_id
    from templates
    union all
    select account_key, 'client', identifier_value
    from clients
    where prominence = 1

),

frequencies as (

    select
        t.attribute,
        t.attribute_value,
        count(case when e.is_reference then 1 end) as reference_holder_count

    from attributes as t
    inner join evidence as e on t.account_key = e.account_key
    group by t.attribute, t.attribute_value

),

populations as (

    select
        t.attribute,
        count(case when e.is_reference then 1 end) as reference_count

    from attributes as t
    inner join evidence as e on t.account_key = e.account_key
    group by t.attribute

)

select
    t.account_key,
    t.attribute,
    t.attribute_value,
    (f.reference_holder_count + 0.5) / (p.reference_count + 1.0) as reference_ratio

from attributes as t
inner join frequencies as f on t.attribute = f.attribute and t.attribute_value = f.attribute_value
inner join populations as p on t.attribute = p.attribute
