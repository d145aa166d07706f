{%- set fingerprints = text_fingerprints() %}

with

templates as (

    select distinct cast(value as bigint) as fingerprint
    from {{ ref('stg_allowlist') }}
    where scope = 'template' and valid_from < {{ run_end() }} and valid_until >= {{ run_end() }}

),

exchanges as (

    -- made from an allow-listed template, in the whole window: an entry counts for the days before it, too
    select * from {{ ref('stg_exchanges') }}
    where {{ in_evidence_window('dt') }} and {{ in_evidence_window('event_date') }}
        and (
            {% for column in fingerprints -%}
            {{ "or " if not loop.first }}{{ column }} in (select fingerprint from templates)
            {% endfor -%}
        )

),

{{ identified_exchanges('exchanges') }},

counted as (

    select
        account_key,
        identifier_type,
        identifier_value,
        count(*) as exchange_count,
        count(case when {{ list_length('technique_codes') }} > 0 then 1 end) as technique_count

    from identified
    group by account_key, identifier_type, identifier_value
    union all
    select
        account_key,
        'exchange' as identifier_type,
        '' as identifier_value,
        count(*) as exchange_count,
        count(case when {{ list_length('technique_codes') }} > 0 then 1 end) as technique_count

    from exchanges
    group by account_key

)

select
    account_key,
    identifier_type,
    identifier_value,
    {{ stable_key("identifier_type || '|' || identifier_value") }} as group_id,
    exchange_count,
    technique_count

from counted
