{{
    config(
        materialized='incremental', incremental_strategy='delete+insert', unique_key='matched_date',
        on_schema_change='fail', pre_hook="{{ delete_run_day('matched_date') }}"
    )
}}

with

address_matches as (

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
    where indicator_type in ('domain', 'email_domain')
        and valid_from < {{ run_end() }} and valid_until >= {{ run_end() }}

),

domains as (

    -- one row per feed and domain: a feed lists a domain once
    select
        indicator_key,
        feed_id,
        match_value,
        labels

    from indicators

),

domain_labels as (

    select
        indicator_key,
        min(label) as label

    from {{ unnest_list('domains', 'labels', 'label') }}
    group by indicator_key

),

domain_matches as (

    select
        d.account_key,
        d.activity_date,
        m.indicator_key,
        m.feed_id,
        l.label,
        d.exchange_count

    from account_days as d
    inner join accounts as a on d.account_key = a.account_key
    inner join domains as m on a.email_domain = m.match_value
    inner join domain_labels as l on m.indicator_key = l.indicator_key

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

    from address_matches
    union all
    select
        account_key,
        activity_date,
        {{ run_date() }} as delivered_date,
        indicator_key,
        feed_id,
        label,
        cast(exchange_count as bigint) as exchange_count

    from domain_matches

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
