with

members as (

    select * from {{ ref('bridge_campaign_accounts') }}

),

latest as (

    select max(as_of_date) as as_of_date
    from {{ ref('fct_campaign_days') }}

),

account_days as (

    select d.*
    from {{ ref('int_account_days__delivered') }} as d
    cross join latest as l
    where d.delivered_date <= l.as_of_date

),

extraction as (

    select * from {{ ref('int_campaign_extraction') }}

),

summed as (

    select
        m.campaign_id,
        d.account_key,
        d.activity_date,
        min(d.platform) as platform,
        sum(d.exchange_count) as exchange_count,
        sum(d.exchange_count - d.ok_count) as attempted_count,
        sum(d.input_tokens + d.output_tokens) as total_tokens,
        {% for code in capability_codes() -%}
        sum(d.capability_{{ code }}_count) as capability_{{ code }}_count{{ "," if not loop.last }}
        {% endfor %}
    from members as m
    inner join account_days as d on m.account_key = d.account_key
    group by m.campaign_id, d.account_key, d.activity_date

),

unpivoted as (

    {% for code in capability_codes() -%}
    select
        campaign_id, account_key, activity_date, platform, '{{ code }}' as capability_code,
        capability_{{ code }}_count as exchange_count,
        attempted_count * capability_{{ code }}_count * 1.0 / exchange_count as attempted_share,
        total_tokens * capability_{{ code }}_count * 1.0 / exchange_count as token_share
    from summed
    where capability_{{ code }}_count > 0
    {{ "union all" if not loop.last }}
    {% endfor %}

)

select
    u.campaign_id,
    u.activity_date,
    u.platform,
    u.capability_code,
    cast(sum(u.exchange_count) as bigint) as exchange_count,
    cast(round(sum(cast(u.attempted_share as decimal(18, 6)))) as bigint) as attempted_count,
    cast(sum(coalesce(x.extraction_exchange_count, 0)) as bigint) as extraction_exchange_count,
    cast(round(sum(cast(u.token_share as decimal(24, 6)))) as bigint) as total_tokens

from unpivoted as u
left join extraction as x
    on u.campaign_id = x.campaign_id and u.account_key = x.account_key
    and u.activity_date = x.activity_date and u.capability_code = x.capability_code
group by u.campaign_id, u.activity_date, u.platform, u.capability_code
