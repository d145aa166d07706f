{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

components as (

    select * from {{ ref('int_components') }}

),

members as (

    select
        account_key,
        max(membership_probability) as membership_probability

    from {{ ref('int_suspected_members') }}
    group by account_key

)

select
    {{ run_date() }} as as_of_date,
    c.cluster_id,
    c.account_key,
    m.membership_probability

from components as c
inner join members as m on c.account_key = m.account_key
