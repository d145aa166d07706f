{#- The columns that hold a fingerprint of a text's words: what a template may be known by. -#}
{% macro text_fingerprints() -%}
    {{ return(['prefix_fp_8', 'prefix_fp_16', 'prefix_fp_32', 'suffix_fp_6', 'suffix_fp_12', 'system_fp']) }}
{%- endmacro %}

{#-
    The identifiers that exchanges carried: the CTE `identified`, one row per exchange and value, with
    account_key, event_date, capability_code, technique_codes, prompt_fp, identifier_type and
    identifier_value. `exchanges` names a CTE with the columns of int_exchanges__delivered.
-#}
{% macro identified_exchanges(exchanges) -%}
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

    from {{ exchanges }}
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

    select * from {{ exchanges }}
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

    {% for column in text_fingerprints() -%}
    select
        account_key, event_date, capability_code, technique_codes, prompt_fp,
        '{{ column }}' as identifier_type,
        cast({{ column }} as varchar) as identifier_value
    from {{ exchanges }}
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
    from {{ exchanges }}
    where client_token is not null
    union all
    select
        account_key, event_date, capability_code, technique_codes, prompt_fp,
        'end_user', end_user_token
    from {{ exchanges }}
    where end_user_token is not null

)
{%- endmacro %}
