{{ config(materialized='view') }}

{#- What an account must have delivered for a kind of shared value to be observable in it. -#}
{% set registry_fields = {
    'payment_instrument': 'payment_token',
    'payment_bin_and_email_grammar': 'payment_bin || email_grammar',
    'email_domain_and_grammar': 'email_domain || email_grammar',
    'signup_burst': 'signup_country',
    'signup_client_and_bin': 'signup_ja4 || payment_bin'
} %}

with

indicators as (

    select
        indicator_code,
        {{ split_text('signal_codes', ';') }} as signal_codes,
        {{ split_text('technique_codes', ';') }} as technique_codes,
        {{ split_text('link_types', ';') }} as link_types

    from {{ ref('advisory_indicators') }}

),

signals as (

    select * from {{ ref('int_account_signals') }}

),

windows as (

    select * from {{ ref('int_account_windows') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

group_members as (

    select * from {{ ref('int_group_members') }}

),

group_types as (

    select * from {{ ref('group_types') }}

),

shown_by as (

    select indicator_code, signal_code as measure
    from {{ unnest_list('indicators', 'signal_codes', 'signal_code') }}
    union all
    select indicator_code, technique_code
    from {{ unnest_list('indicators', 'technique_codes', 'technique_code') }}
    union all
    select indicator_code, link_type
    from {{ unnest_list('indicators', 'link_types', 'link_type') }}

),

held_values as (

    -- A value counts if it is more than a chance hit in the account's traffic; a registered one always is.
    select distinct
        account_key,
        identifier_type

    from group_members
    where established_ratio <= {{ var('indicator_established_ratio_maximum') }}
        and exchange_count >= 2 and traffic_ratio >= {{ var('group_text_traffic_minimum') }}

),

observable_values as (

    {% for link_type, field in registry_fields.items() -%}
    select a.account_key, '{{ link_type }}' as identifier_type
    from accounts as a
    inner join windows as w on a.account_key = w.account_key
    where {{ field }} is not null
    union all
    {% endfor -%}
    select w.account_key, t.identifier_type
    from windows as w
    cross join group_types as t
    where t.is_text and w.text_count > 0

),

measured as (

    select account_key, signal_code as measure, case when is_hot then 1 else 0 end as is_shown
    from signals
    {% for code in technique_codes() -%}
    union all
    select
        account_key, '{{ code }}',
        case when technique_{{ code }}_count >= {{ var('indicator_technique_exchanges') | int }} then 1 else 0 end
    from windows
    where text_count >= {{ var('minimum_exposure_count') | int }}
    {% endfor -%}
    union all
    select o.account_key, o.identifier_type, case when h.account_key is not null then 1 else 0 end
    from observable_values as o
    left join held_values as h on o.account_key = h.account_key and o.identifier_type = h.identifier_type

)

select
    s.indicator_code,
    m.account_key,
    max(m.is_shown) as is_shown

from measured as m
inner join shown_by as s on m.measure = s.measure
group by s.indicator_code, m.account_key
