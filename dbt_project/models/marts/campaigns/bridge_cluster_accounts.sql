{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

select
    {{ run_date() }} as as_of_date,
    cluster_id,
    account_key,
    membership_probability

from {{ ref('int_clusters') }}
