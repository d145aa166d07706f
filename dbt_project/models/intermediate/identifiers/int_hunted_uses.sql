{{ config(materialized='view') }}

with

uses as (

    select * from {{ ref('int_identifier_uses') }}

),

of_content as (

    -- not summed over capabilities: a sum would have to be made of every day before a hunt can filter it
    select * from {{ ref('int_identifier_days') }}
    where identifier_type in {{ hunted_content_identifiers() }}

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
    cast(exchange_count as bigint) as exchange_count,
    cast(null as timestamptz) as first_seen_at,
    cast(null as timestamptz) as last_seen_at

from of_content
