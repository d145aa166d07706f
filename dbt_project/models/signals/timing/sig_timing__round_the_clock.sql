with

windows as (

    select * from {{ ref('int_account_windows') }}

),

entropies as (

    -- Entropy of the hours of day in nats, with the Miller-Madow correction for small samples.
    select
        *,
        - (
            {% for hour in range(24) -%}
            {% set n = 'hour_' ~ '%02d' % hour ~ '_count' -%}
            case when {{ n }} > 0 then ({{ n }} * 1.0 / exchange_count) * ln({{ n }} * 1.0 / exchange_count) else 0 end
            {{ "+ " if not loop.last }}
            {%- endfor %}
        )
        + (
            {% for hour in range(24) -%}
            case when hour_{{ '%02d' % hour }}_count > 0 then 1 else 0 end
            {{ "+ " if not loop.last }}
            {%- endfor %}
            - 1
        ) / (2.0 * exchange_count) as hour_entropy

    from windows

),

flatness as (

    select
        *,
        least(24.0, exp(hour_entropy)) as effective_hours

    from entropies

)

{{ signal_rows('flatness', 'timing__round_the_clock', 'timing',
    "round(effective_hours, 3)",
    'exchange_count') }}
