{{
    config(
        materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date'
    )
}}

{%- set client_identifiers = {
    'address': 'ip_hex',
    'ja4': 'ja4',
    'user_agent': 'user_agent_token',
    'user_agent_family': 'user_agent_family',
} %}
{%- set registry_identifiers = ['email_domain', 'payment_bin'] %}

with

exchanges as (

    select * from {{ ref('int_exchanges__delivered') }}

),

account_days as (

    select * from {{ ref('int_account_days__delivered') }}
    where delivered_date = {{ run_date() }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

numbered_networks as (

    -- at most one table of AS numbers answers per address: the first feed by name
    select
        ip_hex,
        label as asn,
        row_number() over (partition by ip_hex order by feed_id) as preference

    from {{ ref('int_address_labels') }}
    where range_kind = 'asn'

),

of_clients as (

    {% for identifier_type, column in client_identifiers.items() -%}
    select
        account_key,
        '{{ identifier_type }}' as identifier_type,
        {{ column }} as identifier_value,
        event_date as activity_date,
        count(*) as exchange_count,
        min(event_at) as first_seen_at,
        max(event_at) as last_seen_at

    from exchanges
    where {{ column }} is not null
    group by account_key, {{ column }}, event_date
    {% if not loop.last -%} union all
    {% endif -%}
    {%- endfor %}

),

of_networks as (

    -- the AS number that the address had when it was used, not the one that it has today
    select
        c.account_key,
        'asn' as identifier_type,
        n.asn as identifier_value,
        c.activity_date,
        sum(c.exchange_count) as exchange_count,
        min(c.first_seen_at) as first_seen_at,
        max(c.last_seen_at) as last_seen_at

    from of_clients as c
    inner join numbered_networks as n on c.identifier_value = n.ip_hex and n.preference = 1
    where c.identifier_type = 'address'
    group by c.account_key, n.asn, c.activity_date

),

of_registry as (

    {% for identifier_type in registry_identifiers -%}
    select
        d.account_key,
        '{{ identifier_type }}' as identifier_type,
        a.{{ identifier_type }} as identifier_value,
        d.activity_date,
        d.exchange_count,
        d.first_event_at as first_seen_at,
        d.last_event_at as last_seen_at

    from account_days as d
    inner join accounts as a on d.account_key = a.account_key
    where a.{{ identifier_type }} is not null
    {% if not loop.last -%} union all
    {% endif -%}
    {%- endfor %}

),

united as (

    select * from of_clients
    union all
    select * from of_networks
    union all
    select * from of_registry

)

select
    account_key,
    identifier_type,
    identifier_value,
    activity_date,
    {{ run_date() }} as delivered_date,
    cast(exchange_count as bigint) as exchange_count,
    first_seen_at,
    last_seen_at

from united
