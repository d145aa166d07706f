{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date') }}

{%- set prompt_columns = text_fingerprints() + ['bands'] %}

with

exchanges as (

    select
        *,
        {{ first_of_list('minhash_bands', var('minhash_bands_used') | int) }} as bands

    from {{ ref('int_exchanges__delivered') }}
    where prompt_fp is not null or system_fp is not null

)

select
    account_key,
    event_date as activity_date,
    {{ run_date() }} as delivered_date,
    coalesce(capability_code, 'unknown') as capability_code,
    prompt_fp,
    {% for column in prompt_columns -%}
    {{ column }},
    {% endfor -%}
    count(*) as exchange_count,
    count(case when {{ list_length('technique_codes') }} > 0 then 1 end) as technique_count

from exchanges
group by account_key, event_date, coalesce(capability_code, 'unknown'), prompt_fp, {{ prompt_columns | join(', ') }}
