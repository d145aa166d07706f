{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date') }}

with

exchanges as (

    select * from {{ ref('int_exchanges__delivered') }}
    where artifacts_issued is not null

),

issued as (

    select
        account_key,
        event_at,
        artifact_token

    from {{ unnest_list('exchanges', 'artifacts_issued', 'artifact_token') }}

)

select
    artifact_token,
    account_key,
    {{ run_date() }} as delivered_date,
    min(event_at) as issued_at

from issued
group by artifact_token, account_key
