{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date') }}

with

exchanges as (

    select * from {{ ref('int_exchanges__delivered') }}
    where user_agent_family is not null and ja4 is not null

)

select
    account_key,
    user_agent_family,
    ja4,
    event_date as activity_date,
    {{ run_date() }} as delivered_date,
    count(*) as exchange_count

from exchanges
group by account_key, user_agent_family, ja4, event_date
