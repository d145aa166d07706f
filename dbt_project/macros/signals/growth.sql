{#-
    Sum of the bets that a count has grown by each of several factors g, `exp(ln(g) * count - (g - 1) * bound)`.
    Each has a mean of at most 1 where the count is sub-Poisson with a mean of at most `bound`. The arguments of
    exp are clamped so that it cannot overflow.
-#}
{% macro growth_bet_sum(factors, count, bound) -%}
    {%- for factor in factors -%}
    {{ " + " if not loop.first }}exp(greatest(-500.0, least(500.0, ln({{ factor }}) * {{ count }} - ({{ factor }} - 1) * {{ bound }})))
    {%- endfor -%}
{%- endmacro %}

{#- Whether a growth detector has spoken: its value is at least the promised run length between false alarms. -#}
{% macro has_grown(growth_bits) -%}
    ({{ growth_bits }} >= {{ log2_of(var('campaign_growth_run_length_days') ~ ".0") }})
{%- endmacro %}
