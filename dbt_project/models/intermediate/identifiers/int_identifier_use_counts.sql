{{
    config(
        materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date'
    )
}}

with

uses as (

    select * from {{ ref('int_hunted_uses') }}
    where delivered_date = {{ run_date() }}

)

select
    identifier_type,
    activity_date,
    delivered_date,
    count(*) as use_count

from uses
group by identifier_type, activity_date, delivered_date
