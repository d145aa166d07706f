{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='delivered_date', on_schema_change='append_new_columns') }}

with

exchanges as (

    select * from {{ ref('int_exchanges__delivered') }}

),

replays as (

    select * from {{ ref('int_artifact_replays__delivered') }}

),

with_gaps as (

    select
        *,
        {{ seconds_between('lag(event_at) over own_day', 'event_at') }} as gap_seconds,
        lag(status) over own_day as previous_status,
        lag(model) over own_day as previous_model

    from exchanges
    window own_day as (partition by account_key, event_date order by event_at, exchange_key)

),

with_followers as (

    -- what an account does next
    select
        *,
        gap_seconds <= {{ var('switch_window_seconds') | int }} and previous_status = 'refused' as follows_refusal,
        gap_seconds <= {{ var('switch_window_seconds') | int }} and previous_status = 'ok' as follows_answer,
        model <> previous_model as has_switched_model

    from with_gaps

),

per_account_day as (

    select
        ----------  ids
        account_key,
        min(platform) as platform,
        min(account_id) as account_id,
        max(organization_id) as organization_id,
        event_date as activity_date,
        delivered_date,

        ----------  outcomes
        count(*) as exchange_count,
        count(case when status = 'ok' then 1 end) as ok_count,
        count(case when status = 'refused' then 1 end) as refused_count,
        count(case when status = 'rate_limited' then 1 end) as rate_limited_count,
        count(case when status = 'blocked' then 1 end) as blocked_count,
        count(case when status = 'error' then 1 end) as error_count,

        ----------  tokens
        sum(coalesce(input_tokens, 0)) as input_tokens,
        sum(coalesce(output_tokens, 0)) as output_tokens,
        sum(coalesce(reasoning_tokens, 0)) as reasoning_tokens,
        count(input_tokens) as input_known_count,
        count(output_tokens) as output_known_count,
        count(reasoning_tokens) as reasoning_known_count,
        count(case when artifacts_issued is not null or artifacts_submitted is not null then 1 end) as artifact_known_count,
        count(case when max_tokens is not null then 1 end) as max_tokens_known_count,
        count(case when output_tokens >= 0.98 * max_tokens then 1 end) as output_at_cap_count,
        count(case when temperature is not null then 1 end) as temperature_known_count,
        count(case when temperature = 0 then 1 end) as temperature_zero_count,
        count(coalesce(temperature, top_p, sample_count)) as setting_known_count,
        count(distinct coalesce(cast(temperature as varchar), '-') || '|' || coalesce(cast(top_p as varchar), '-'))
            * greatest(1, max(coalesce(sample_count, 1))) as sampling_grid_size,

        ----------  rhythm
        {% for hour in range(24) -%}
        count(case when event_hour = {{ hour }} then 1 end) as hour_{{ '%02d' % hour }}_count,
        {% endfor -%}
        count(gap_seconds) as gap_count,
        sum(coalesce(gap_seconds, 0)) as gap_seconds_sum,
        sum(coalesce(gap_seconds * gap_seconds, 0)) as gap_seconds_square_sum,
        min(event_at) as first_event_at,
        max(event_at) as last_event_at,

        ----------  after a refusal
        count(case when follows_refusal then 1 end) as after_refusal_count,
        count(case when follows_refusal and has_switched_model then 1 end) as after_refusal_switch_count,
        count(case when follows_answer then 1 end) as after_answer_count,
        count(case when follows_answer and has_switched_model then 1 end) as after_answer_switch_count,

        ----------  content
        count(case when has_text then 1 end) as text_count,
        {% for code in technique_codes() -%}
        count(case when {{ list_has('technique_codes', "'" ~ code ~ "'") }} then 1 end) as technique_{{ code }}_count,
        {% endfor -%}
        {% for code in capability_codes() -%}
        count(case when capability_code = '{{ code }}' then 1 end) as capability_{{ code }}_count,
        {% endfor -%}

        ----------  releases
        count(case when is_in_release_window then 1 end) as release_window_count,
        count(case when is_on_released_model then 1 end) as release_adopted_count,

        ----------  client
        count(client_ip) as ip_known_count,
        count(distinct ip_token) as distinct_ip_count,
        count(distinct ip_net_token) as distinct_network_count,
        count(user_agent_token) as user_agent_known_count,
        count(distinct user_agent_token) as distinct_user_agent_count

    from with_followers
    group by account_key, event_date, delivered_date

)

select
    per_account_day.*,
    coalesce(replays.replay_count, 0) as replay_count

from per_account_day
left join replays
    on per_account_day.account_key = replays.account_key
    and per_account_day.activity_date = replays.activity_date
