{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date') }}

{%- set text_identifiers = ['prefix_fp_8', 'prefix_fp_16', 'prefix_fp_32', 'suffix_fp_6', 'suffix_fp_12', 'system_fp'] %}

with

exchanges as (

    select * from {{ ref('int_exchanges__delivered') }}

),

texts as (

    -- Six of the sixteen bands find two texts with Jaccard 0.8 with probability 0.96; more cost more than
    -- they find.
    select
        account_key,
        event_date,
        capability_code,
        technique_codes,
        prompt_fp,
        {{ first_of_list('minhash_bands', var('minhash_bands_used') | int) }} as bands

    from exchanges
    where minhash_bands is not null

),

bands as (

    select
        account_key,
        event_date,
        capability_code,
        technique_codes,
        prompt_fp,
        band_value

    from {{ unnest_list('texts', 'bands', 'band_value') }}

),

with_artifacts as (

    select * from exchanges
    where artifacts_submitted is not null

),

artifacts as (

    select
        account_key,
        event_date,
        capability_code,
        technique_codes,
        prompt_fp,
        artifact_token

    from {{ unnest_list('with_artifacts', 'artifacts_submitted', 'artifact_token') }}

),

identified as (

    {% for column in text_identifiers -%}
    select
        account_key, event_date, capability_code, technique_codes, prompt_fp,
        '{{ column }}' as identifier_type,
        cast({{ column }} as varchar) as identifier_value
    from exchanges
    where {{ column }} is not null
    union all
    {% endfor -%}
    -- Fingerprints of different bands differ even for equal text, so one type holds them all.
    select
        account_key, event_date, capability_code, technique_codes, prompt_fp,
        'minhash_band', cast(band_value as varchar)
    from bands
    union all
    select
        account_key, event_date, capability_code, technique_codes, prompt_fp,
        'artifact', artifact_token
    from artifacts
    union all
    select
        account_key, event_date, capability_code, technique_codes, prompt_fp,
        'client', client_token
    from exchanges
    where client_token is not null
    union all
    select
        account_key, event_date, capability_code, technique_codes, prompt_fp,
        'end_user', end_user_token
    from exchanges
    where end_user_token is not null

)

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
