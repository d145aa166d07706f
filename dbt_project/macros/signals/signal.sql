{#-
    The shape of every signal: one row per account with enough exposure, a value that is higher when the
    account looks more like extraction, and the stratum in which it is compared.
-#}
{% macro signal_rows(relation, code, family, value, exposure, stratum="volume_band", minimum_exposure=none) -%}
select
    account_key,
    '{{ code }}' as signal_code,
    '{{ family }}' as family,
    cast({{ value }} as double) as observed_value,
    cast({{ exposure }} as bigint) as exposure_count,
    cast({{ stratum }} as varchar) as stratum

from {{ relation }}
where {{ exposure }} >= {{ minimum_exposure if minimum_exposure is not none else var('minimum_exposure_count') | int }}
    and {{ value }} is not null
{%- endmacro %}
