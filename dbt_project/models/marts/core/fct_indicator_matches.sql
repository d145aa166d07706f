{{
    config(
        materialized='incremental', incremental_strategy='delete+insert', unique_key='matched_date',
        on_schema_change='fail'
    )
}}

with

traffic_matches as (

    select * from {{ ref('int_indicator_days') }}
    where delivered_date = {{ run_date() }}

),

account_days as (

    select * from {{ ref('int_account_days__delivered') }}
    where delivered_date = {{ run_date() }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

indicators as (

    select * from {{ ref('stg_indicators') }}
    where indicator_type in ('domain', 'email_domain', 'payment_bin')
        and valid_from < {{ run_end() }} and valid_until >= {{ run_end() }}

),

indicator_labels as (

    select
        indicator_key,
        min(label) as label

    from {{ unnest_list('indicators', 'labels', 'label') }}
    group by indicator_key

),

observed as (

    select
        account_key,
        'domain' as indicator_type,
        email_domain as observed_value
    from accounts
    where email_domain is not null
    union all
    select
        account_key,
        'email_domain',
        email_domain
    from accounts
    where email_domain is not null
    {% for length in range(4, 9) -%}
    -- A listed range of card numbers holds every longer one, so each leading part of the account's range is
    -- looked up; a list that is finer than what the registry knows does not match.
    union all
    select
        account_key,
        'payment_bin',
        substr(payment_bin, 1, {{ length }})
    from accounts
    where length(payment_bin) >= {{ length }}
    {% endfor %}

),

registry_matches as (

    -- One row per account day and indicator: an account has one mail domain and one leading part of each
    -- length.
    select
        d.account_key,
        d.activity_date,
        i.indicator_key,
        i.feed_id,
        l.label,
        d.exchange_count

    from account_days as d
    inner join observed as o on d.account_key = o.account_key
    inner join indicators as i on o.indicator_type = i.indicator_type and o.observed_value = i.match_value
    inner join indicator_labels as l on i.indicator_key = l.indicator_key

),

live_matches as (

    select
        account_key,
        activity_date,
        {{ run_date() }} as delivered_date,
        indicator_key,
        feed_id,
        label,
        cast(exchange_count as bigint) as exchange_count

    from traffic_matches
    union all
    select
        account_key,
        activity_date,
        {{ run_date() }} as delivered_date,
        indicator_key,
        feed_id,
        label,
        cast(exchange_count as bigint) as exchange_count

    from registry_matches

),

late_matches as (

    select * from {{ ref('int_late_matches') }}
    where matched_date = {{ run_date() }}

),

retro_matches as (

    select * from {{ ref('int_retro_matches') }}
    where matched_date = {{ run_date() }}

),

{% if is_incremental() -%}
matched_before as (

    select distinct
        account_key,
        activity_date,
        delivered_date,
        indicator_key

    from {{ this }}
    where matched_date < {{ run_date() }}

),

{% endif -%}
active_indicators as (

    select * from {{ ref('int_indicators__active') }}

),

matches as (

    -- one row per indicator key on the right: live matches are of indicators that are active today
    select
        m.account_key,
        m.activity_date,
        m.delivered_date,
        m.indicator_key,
        m.feed_id,
        m.label,
        'live' as match_kind,
        a.known_date,
        a.valid_from,
        m.exchange_count

    from live_matches as m
    inner join active_indicators as a on m.indicator_key = a.indicator_key
    union all
    select
        account_key,
        activity_date,
        delivered_date,
        indicator_key,
        feed_id,
        label,
        'live' as match_kind,
        known_date,
        valid_from,
        exchange_count

    from late_matches
    union all
    -- what an earlier day had matched already is not found a second time
    select
        m.account_key,
        m.activity_date,
        m.delivered_date,
        m.indicator_key,
        m.feed_id,
        m.label,
        'retro' as match_kind,
        m.known_date,
        m.valid_from,
        m.exchange_count

    from retro_matches as m
    {% if is_incremental() -%}
    left join matched_before as b
        on m.account_key = b.account_key and m.activity_date = b.activity_date
        and m.delivered_date = b.delivered_date and m.indicator_key = b.indicator_key
    where b.indicator_key is null
    {%- endif %}

)

select
    account_key,
    activity_date,
    delivered_date,
    {{ run_date() }} as matched_date,
    indicator_key,
    feed_id,
    label,
    match_kind,
    known_date,
    {{ days_between('activity_date', run_date()) }} as age_days,
    valid_from < cast(activity_date + interval '1' day as timestamptz) as is_in_validity,
    exchange_count

from matches
