{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date', on_schema_change='fail') }}

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

)

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
