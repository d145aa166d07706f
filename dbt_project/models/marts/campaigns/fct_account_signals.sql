{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date', on_schema_change='fail') }}

with

signals as (

    select * from {{ ref('int_account_signals') }}
    where bits > 0

),

catalog as (

    select * from {{ ref('signal_catalog') }}

)

select
    s.account_key,
    {{ run_date() }} as as_of_date,
    s.signal_code,
    cast(c.signal_version as integer) as signal_version,
    s.family,
    s.observed_value,
    s.baseline_value,
    s.base_population,
    s.tail_probability,
    cast(s.bits * ln(2.0) / ln(10.0) as decimal(9, 4)) as log10_likelihood_ratio

from signals as s
inner join catalog as c on s.signal_code = c.signal_code
