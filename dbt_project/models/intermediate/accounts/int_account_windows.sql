{%- set summed = ['exchange_count', 'ok_count', 'refused_count', 'rate_limited_count', 'blocked_count', 'error_count',
    'input_tokens', 'output_tokens', 'reasoning_tokens', 'input_known_count', 'output_known_count',
    'reasoning_known_count', 'artifact_known_count', 'max_tokens_known_count', 'output_at_cap_count',
    'gap_count', 'gap_seconds_sum', 'gap_seconds_square_sum', 'text_count', 'release_window_count',
    'release_adopted_count', 'ip_known_count', 'user_agent_known_count', 'replay_count', 'setting_known_count',
    'after_refusal_count', 'after_refusal_switch_count', 'after_answer_count', 'after_answer_switch_count'] %}
{%- for code in technique_codes() %}{% do summed.append('technique_' ~ code ~ '_count') %}{% endfor %}
{%- for code in capability_codes() %}{% do summed.append('capability_' ~ code ~ '_count') %}{% endfor %}
{%- for hour in range(24) %}{% do summed.append('hour_' ~ '%02d' % hour ~ '_count') %}{% endfor %}

with

account_days as (

    select * from {{ ref('int_account_days__delivered') }}
    where delivered_date <= {{ run_date() }} and {{ in_evidence_window('activity_date') }}

),

network_days as (

    select * from {{ ref('int_network_days') }}
    where delivered_date <= {{ run_date() }} and {{ in_evidence_window('activity_date') }}

),

per_account as (

    select
        account_key,
        count(distinct activity_date) as active_day_count,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at,
        max(distinct_network_count) as busiest_network_count,
        max(sampling_grid_size) as sampling_grid_size,
        {% for column in summed -%}
        sum({{ column }}) as {{ column }}{{ "," if not loop.last }}
        {% endfor %}

    from account_days
    group by account_key

),

per_account_network as (

    select
        account_key,
        sum(exchange_count) as network_known_count,
        sum(hidden_exit_count) as hidden_exit_count,
        max(distinct_asn_count) as busiest_asn_count,
        sum(country_pair_count) as country_pair_count,
        sum(country_move_count) as country_move_count,
        min(first_asn) as first_asn

    from network_days
    group by account_key

)

select
    p.*,
    cast(floor(2 * ln(p.exchange_count) / ln(10.0)) as integer) as volume_band,
    coalesce(n.network_known_count, 0) as network_known_count,
    coalesce(n.hidden_exit_count, 0) as hidden_exit_count,
    coalesce(n.country_pair_count, 0) as country_pair_count,
    coalesce(n.country_move_count, 0) as country_move_count,
    n.busiest_asn_count,
    n.first_asn

from per_account as p
left join per_account_network as n on p.account_key = n.account_key
