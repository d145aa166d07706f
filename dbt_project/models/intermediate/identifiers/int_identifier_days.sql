{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date') }}

with

exchanges as (

    select * from {{ ref('int_exchanges__delivered') }}

),

{{ identified_exchanges('exchanges') }}

select
    account_key,
    identifier_type,
    identifier_value,
    event_date as activity_date,
    {{ run_date() }} as delivered_date,
    coalesce(capability_code, 'unknown') as capability_code,
    count(*) as exchange_count,
    count(distinct prompt_fp) as distinct_prompt_count,
    count(case when {{ list_length('technique_codes') }} > 0 then 1 end) as technique_count

from identified
group by account_key, identifier_type, identifier_value, event_date, coalesce(capability_code, 'unknown')
