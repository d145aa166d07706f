{{
    config(
        materialized='incremental', incremental_strategy='delete+insert', unique_key='hunt_date',
        on_schema_change='fail'
    )
}}

{%- set hunt_from = "cast(" ~ run_date() ~ " - interval '" ~ (var("retro_hunt_days") | int) ~ "' day as date)" %}
{%- set hunt_until = "cast(" ~ run_date() ~ " - interval '1' day as date)" %}

with

indicators as (

    select * from {{ ref('int_indicators__active') }}

),

uses as (

    select * from {{ ref('int_identifier_use_counts') }}
    where delivered_date < {{ run_date() }} and activity_date >= {{ hunt_from }}

),

found as (

    select * from {{ ref('int_retro_matches') }}
    where matched_date = {{ run_date() }}

),

new_matches as (

    select * from {{ ref('fct_indicator_matches') }}
    where matched_date = {{ run_date() }} and match_kind = 'retro'

),

compared as (

    {{ list_hunted_identifiers() }}

),

use_counts as (

    select
        identifier_type,
        sum(use_count) as use_count

    from uses
    group by identifier_type

),

searched_uses as (

    select
        c.indicator_type,
        sum(u.use_count) as use_count

    from compared as c
    inner join use_counts as u on c.identifier_type = u.identifier_type
    group by c.indicator_type

),

held_dates as (

    select distinct activity_date as held_date from uses

),

bounded_dates as (

    select held_date from held_dates
    union all
    select cast({{ hunt_from }} - interval '1' day as date) as held_date
    union all
    select {{ run_date() }} as held_date

),

gaps as (

    select
        cast(held_date + interval '1' day as date) as gap_from,
        cast(lead(held_date) over (order by held_date) - interval '1' day as date) as gap_until

    from bounded_dates

),

missing as (

    select
        {{ json_list_of("cast(gap_from as varchar) || '/' || cast(gap_until as varchar)") }} as missing_dates,
        coalesce(sum({{ days_between('gap_from', 'gap_until') }} + 1), 0) as missing_day_count

    from gaps
    where gap_until >= gap_from

),

held as (

    select count(*) as held_day_count from held_dates

),

searched as (

    select
        feed_id,
        indicator_type,
        min(version) as feed_version,
        count(*) as active_indicator_count,
        count(case when is_new then 1 end) as indicator_count,
        md5({{ json_list_of('case when is_new then indicator_key end') }}) as indicators_digest

    from indicators
    group by feed_id, indicator_type

),

found_counts as (

    select
        feed_id,
        indicator_type,
        count(*) as found_count

    from found
    group by feed_id, indicator_type

),

match_counts as (

    select
        i.feed_id,
        i.indicator_type,
        count(*) as match_count,
        count(distinct m.indicator_key) as matched_indicator_count,
        count(distinct m.account_key) as account_count,
        sum(m.exchange_count) as exchange_count,
        min(m.activity_date) as first_activity_date,
        max(m.activity_date) as last_activity_date

    from new_matches as m
    inner join indicators as i on m.indicator_key = i.indicator_key
    group by i.feed_id, i.indicator_type

)

select
    {{ run_date() }} as hunt_date,
    s.feed_id,
    s.indicator_type,
    s.feed_version,
    s.active_indicator_count,
    s.indicator_count,
    s.indicators_digest,
    {{ hunt_from }} as searched_from,
    {{ hunt_until }} as searched_until,
    cast(h.held_day_count as bigint) as held_day_count,
    cast(m.missing_day_count as bigint) as missing_day_count,
    m.missing_dates,
    cast(case when s.indicator_count > 0 then coalesce(u.use_count, 0) else 0 end as bigint) as use_count,
    coalesce(f.found_count, 0) - coalesce(c.match_count, 0) as known_match_count,
    coalesce(c.match_count, 0) as match_count,
    coalesce(c.matched_indicator_count, 0) as matched_indicator_count,
    coalesce(c.account_count, 0) as account_count,
    cast(coalesce(c.exchange_count, 0) as bigint) as exchange_count,
    c.first_activity_date,
    c.last_activity_date

from searched as s
cross join held as h
cross join missing as m
left join searched_uses as u on s.indicator_type = u.indicator_type
left join found_counts as f on s.feed_id = f.feed_id and s.indicator_type = f.indicator_type
left join match_counts as c on s.feed_id = c.feed_id and s.indicator_type = c.indicator_type
