with

identifier_days as (

    select * from {{ ref('int_identifier_days') }}
    where delivered_date <= {{ run_date() }} and {{ in_evidence_window('activity_date') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

windows as (

    select * from {{ ref('int_account_windows') }}

),

address_labels as (

    select * from {{ ref('int_address_labels') }}
    where range_kind = 'asn'

),

signup_networks as (

    select
        ip_hex,
        min(label) as asn

    from address_labels
    group by ip_hex

),

registered as (

    select
        a.*,
        w.exchange_count,
        n.asn as signup_asn

    from accounts as a
    inner join windows as w on a.account_key = w.account_key
    left join signup_networks as n on a.signup_ip_hex = n.ip_hex
    where a.has_registry_row

),

shared_values as (

    -- Most values are of one account only: they go before the sums, which are the dear part.
    select
        identifier_type,
        identifier_value

    from identifier_days
    group by identifier_type, identifier_value
    having min(account_key) <> max(account_key)

),

from_use as (

    select
        d.account_key,
        d.identifier_type,
        d.identifier_value,
        sum(d.exchange_count) as exchange_count,
        sum(d.technique_count) as technique_count,
        count(distinct d.activity_date) as active_day_count

    from identifier_days as d
    inner join shared_values as s on d.identifier_type = s.identifier_type and d.identifier_value = s.identifier_value
    group by d.account_key, d.identifier_type, d.identifier_value

),

from_registry as (

    -- Composites say more than their parts: a bank's number range is ordinary, the same range with the
    -- same way of making up addresses is not.
    select account_key, exchange_count, 'payment_instrument' as identifier_type, payment_token as identifier_value
    from registered
    where payment_token is not null
    union all
    select account_key, exchange_count, 'payment_bin_and_email_grammar', payment_bin || '|' || email_grammar
    from registered
    where payment_bin is not null and email_grammar is not null
    union all
    select account_key, exchange_count, 'email_domain_and_grammar', email_domain || '|' || email_grammar
    from registered
    where email_domain is not null and email_grammar is not null
    union all
    select
        account_key, exchange_count, 'signup_burst',
        cast(cast(created_at as date) as varchar) || '|' || coalesce(signup_path, '-') || '|' || coalesce(signup_asn, signup_country)
    from registered
    where coalesce(signup_asn, signup_country) is not null
    union all
    select
        account_key, exchange_count, 'signup_client_and_bin',
        signup_ja4 || '|' || coalesce(signup_user_agent_family, '-') || '|' || payment_bin
    from registered
    where signup_ja4 is not null and payment_bin is not null

),

held as (

    select
        account_key, identifier_type, identifier_value, exchange_count, technique_count, active_day_count
    from from_use
    union all
    select
        account_key, identifier_type, identifier_value, exchange_count,
        cast(null as bigint) as technique_count,
        cast(null as bigint) as active_day_count
    from from_registry

),

counted as (

    select
        *,
        count(*) over (partition by identifier_type, identifier_value) as holder_count

    from held

)

select
    account_key,
    identifier_type,
    identifier_value,
    {{ stable_key("identifier_type || '|' || identifier_value") }} as group_id,
    exchange_count,
    technique_count,
    active_day_count

from counted
where holder_count >= {{ var('group_members_minimum') | int }}
