{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

ties as (

    select * from {{ ref('int_component_ties') }}

),

components as (

    select * from {{ ref('int_components') }}

),

nodes as (

    select
        node_key as account_key,
        campaign_id

    from {{ ref('int_campaign_nodes') }}
    where as_of_date = {{ run_date() }} and node_type = 'account' and is_current

),

parts as (

    select
        component_label,
        min(account_key) as first_account_key,
        count(*) as account_count

    from components
    group by component_label

)

select
    n.campaign_id,
    {{ run_date() }} as as_of_date,
    a.first_account_key as account_key,
    b.first_account_key as other_account_key,
    a.account_count,
    b.account_count as other_account_count,
    t.shared_exit_count,
    t.neighbour_count,
    t.other_neighbour_count,
    t.shared_registration_count

from ties as t
inner join parts as a on t.component_label = a.component_label
inner join parts as b on t.other_label = b.component_label
inner join nodes as n on a.first_account_key = n.account_key
-- a pair that a person has split belongs to two campaigns, and joins neither
inner join nodes as o on b.first_account_key = o.account_key and n.campaign_id = o.campaign_id
