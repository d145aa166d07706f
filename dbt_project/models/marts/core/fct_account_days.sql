{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='activity_date', on_schema_change='fail') }}

with

in_reach as (

    select distinct
        activity_date,
        delivered_date

    from {{ ref('int_account_days__delivered') }}
    where activity_date > {{ run_date() }} - interval '{{ var("event_lateness_days") | int + 1 }}' day

),

{% if is_incremental() -%}
delivered as (

    select
        activity_date,
        sum(exchange_count) as exchange_count

    from {{ ref('int_account_days__delivered') }}
    where activity_date in (select activity_date from in_reach)
    group by activity_date

),

stored as (

    select
        activity_date,
        sum(exchange_count) as exchange_count

    from {{ this }}
    group by activity_date

),

{% endif -%}
touched as (

    -- every day that this delivery adds to
    select activity_date
    from in_reach
    where delivered_date = {{ run_date() }}
    {%- if is_incremental() %}
    union
    -- or that an earlier run of it added to: the stored sum is no longer that of the deliveries
    select s.activity_date
    from stored as s
    inner join delivered as d on s.activity_date = d.activity_date
    where s.exchange_count <> d.exchange_count
    {%- endif %}

),

account_days as (

    select d.*
    from {{ ref('int_account_days__delivered') }} as d
    inner join touched as t on d.activity_date = t.activity_date

),

templates as (

    select
        i.account_key,
        i.activity_date,
        i.identifier_value,
        sum(i.exchange_count) as exchange_count

    from {{ ref('int_identifier_days') }} as i
    inner join touched as t on i.activity_date = t.activity_date
    where i.identifier_type = 'prefix_fp_8'
    group by i.account_key, i.activity_date, i.identifier_value

),

top_templates as (

    select
        account_key,
        activity_date,
        max(exchange_count) as top_template_count

    from templates
    group by account_key, activity_date

),

summed as (

    -- Distinct counts of one day's separate deliveries overlap, so the largest is a lower bound.
    -- What no exchange of the day shows (tokens, addresses, user agents) is unknown, not none.
    select
        account_key,
        activity_date,
        sum(exchange_count) as exchange_count,
        sum(ok_count) as ok_count,
        sum(refused_count) as refused_count,
        sum(rate_limited_count) as rate_limited_count,
        sum(blocked_count) as blocked_count,
        sum(error_count) as error_count,
        case when sum(input_known_count) > 0 then sum(input_tokens) end as input_tokens,
        case when sum(output_known_count) > 0 then sum(output_tokens) end as output_tokens,
        case when sum(reasoning_known_count) > 0 then sum(reasoning_tokens) end as reasoning_tokens,
        case when sum(ip_known_count) > 0 then max(distinct_ip_count) end as distinct_ip_count,
        case when sum(user_agent_known_count) > 0 then max(distinct_user_agent_count) end as distinct_user_agent_count,
        sum(text_count) as text_count,
        {% for hour in range(24) -%}
        max(case when hour_{{ '%02d' % hour }}_count > 0 then 1 else 0 end) as was_active_{{ '%02d' % hour }},
        {% endfor -%}
        {% for code in technique_codes() -%}
        sum(technique_{{ code }}_count) as technique_{{ code }}_count,
        {% endfor -%}
        {% for code in capability_codes() -%}
        sum(capability_{{ code }}_count) as capability_{{ code }}_count{{ "," if not loop.last }}
        {% endfor %}
    from account_days
    group by account_key, activity_date

)

select
    s.account_key,
    s.activity_date,
    cast(s.exchange_count as bigint) as exchange_count,
    cast(s.ok_count as bigint) as ok_count,
    cast(s.refused_count as bigint) as refused_count,
    cast(s.rate_limited_count as bigint) as rate_limited_count,
    cast(s.blocked_count as bigint) as blocked_count,
    cast(s.error_count as bigint) as error_count,
    cast(s.input_tokens as bigint) as input_tokens,
    cast(s.output_tokens as bigint) as output_tokens,
    cast(s.reasoning_tokens as bigint) as reasoning_tokens,
    cast({% for hour in range(24) %}s.was_active_{{ '%02d' % hour }}{{ " + " if not loop.last }}{% endfor %} as integer) as active_hour_count,
    cast(s.distinct_ip_count as integer) as distinct_ip_count,
    cast(s.distinct_user_agent_count as integer) as distinct_user_agent_count,
    {{ as_ratio('case when s.text_count > 0 then coalesce(t.top_template_count, 0) * 1.0 / s.exchange_count end') }} as top_template_ratio,
    {% for code in capability_codes() -%}
    {{ as_ratio('s.capability_' ~ code ~ '_count * 1.0 / s.exchange_count') }} as capability_{{ code }}_ratio,
    {% endfor -%}
    {% for code in technique_codes() -%}
    {{ as_ratio('case when s.text_count > 0 then s.technique_' ~ code ~ '_count * 1.0 / s.text_count end') }} as technique_{{ code }}_ratio{{ "," if not loop.last }}
    {% endfor %}

from summed as s
left join top_templates as t on s.account_key = t.account_key and s.activity_date = t.activity_date
