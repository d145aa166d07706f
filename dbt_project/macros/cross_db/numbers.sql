{#- Binary logarithm, the same on every engine. -#}
{% macro log2_of(expression) -%}
    (ln({{ expression }}) / ln(2.0))
{%- endmacro %}

{#- Rounded to an exact decimal, so that sums do not depend on the order of rows. -#}
{% macro as_bits(expression) -%}
    cast({{ expression }} as decimal(12, 4))
{%- endmacro %}

{#- A share or probability as it is shown: rounded, so that equal inputs give equal rows. -#}
{% macro as_ratio(expression) -%}
    round(cast({{ expression }} as double), 6)
{%- endmacro %}

{#- Probability from odds in bits; the argument is clamped so that exp cannot overflow. -#}
{% macro probability_of_bits(expression) -%}
    (1.0 / (1.0 + exp(-greatest(-700.0, least(700.0, cast({{ expression }} as double) * ln(2.0))))))
{%- endmacro %}

{#- Kullback-Leibler divergence in bits of a share `s` from a base rate `u`, 0 < u < 1. -#}
{% macro divergence_bits(s, u) -%}
    (
        case when {{ s }} > 0 then {{ s }} * {{ log2_of(s ~ ' / ' ~ u) }} else 0 end
        + case when {{ s }} < 1 then (1 - {{ s }}) * {{ log2_of('(1 - ' ~ s ~ ') / (1 - ' ~ u ~ ')') }} else 0 end
    )
{%- endmacro %}

{#- Effective number of independent members of a group of size `k`. -#}
{% macro effective_size(k) -%}
    ({{ k }} / (1.0 + ({{ k }} - 1) * {{ var('group_correlation') }}))
{%- endmacro %}

{#- Exact median of a group; of an even number of values the mean of the middle two. -#}
{% macro median_of(expression) -%}
    {{ return(adapter.dispatch('median_of')(expression)) }}
{%- endmacro %}
{% macro default__median_of(expression) -%} quantile_cont({{ expression }}, 0.5) {%- endmacro %}
{% macro spark__median_of(expression) -%} percentile({{ expression }}, 0.5) {%- endmacro %}
