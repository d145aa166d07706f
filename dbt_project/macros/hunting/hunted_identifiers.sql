{#-
    Which stored identifiers an indicator of a type is compared with, by equality of the indicator's
    match_value: one list for the run's retro-hunt, for late deliveries and for the receipts. Addresses are
    compared by range instead. `payment_bin` values are compared by each of their prefixes, because a list
    may name 4 to 8 digits.
-#}
{% macro hunted_identifiers() -%}
    {{ return({
        'ipv4_cidr': ['address'],
        'ipv6_cidr': ['address'],
        'asn': ['asn'],
        'domain': ['email_domain'],
        'email_domain': ['email_domain'],
        'ja4': ['ja4'],
        'user_agent': ['user_agent', 'user_agent_family'],
        'payment_bin': ['payment_bin'],
        'template_fingerprint': ['prefix_fp_8', 'prefix_fp_16', 'prefix_fp_32', 'suffix_fp_6', 'suffix_fp_12', 'system_fp'],
        'artifact_digest': ['artifact'],
    }) }}
{%- endmacro %}

{#- The pairs of indicator type and identifier type as rows: a from-item's body. -#}
{% macro list_hunted_identifiers() -%}
    {%- for indicator_type, identifier_types in hunted_identifiers().items() -%}
    {%- set is_last_type = loop.last -%}
    {%- for identifier_type in identifier_types %}
    select
        '{{ indicator_type }}' as indicator_type,
        '{{ identifier_type }}' as identifier_type
    {% if not (is_last_type and loop.last) -%} union all {%- endif -%}
    {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}

{#- The kinds of identifier that int_identifier_days holds and a hunt may ask for. -#}
{% macro hunted_content_identifiers() -%}
    {%- set types = hunted_identifiers() -%}
    {%- set listed = types['template_fingerprint'] + types['artifact_digest'] -%}
    ('{{ listed | join("', '") }}')
{%- endmacro %}
