{{ config(materialized='view') }}

with

uses as (

    select * from {{ ref('int_identifier_uses') }}

),

of_content as (

    -- kept by capability there: one row per account, value and day here
    select
        account_key,
        identifier_type,
        identifier_value,
        activity_date,
        delivered_date,
        cast(sum(exchange_count) as bigint) as exchange_count

    from {{ ref('int_identifier_days') }}
    where identifier_type in {{ hunted_content_identifiers() }}
    group by account_key, identifier_type, identifier_value, activity_date, delivered_date

)

select
    account_key,
    identifier_type,
    identifier_value,
    activity_date,
    delivered_date,
    exchange_count,
    first_seen_at,
    last_seen_at

from uses
union all
select
    account_key,
    identifier_type,
    identifier_value,
    activity_date,
    delivered_date,
    exchange_count,
    cast(null as timestamptz) as first_seen_at,
    cast(null as timestamptz) as last_seen_at

from of_content
