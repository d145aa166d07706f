with

dismissals as (

    select
        campaign_id,
        cast(decided_at as date) as decided_date

    from {{ ref('int_campaign_decisions') }}
    where kind = 'status' and recency = 1 and decision = 'dismiss'

),

measures as (

    select * from {{ ref('int_campaign_measures') }}
    where as_of_date <= {{ run_date() }}

),

known as (

    -- what the person could know: the day of the decision, or the first day there is
    select
        d.campaign_id,
        coalesce(max(case when m.as_of_date <= d.decided_date then m.as_of_date end), min(m.as_of_date)) as known_date

    from dismissals as d
    inner join measures as m on d.campaign_id = m.campaign_id
    group by d.campaign_id

),

before as (

    select m.*
    from measures as m
    inner join known as k on m.campaign_id = k.campaign_id and m.as_of_date = k.known_date

),

since as (

    -- the most of any day since then, so that a campaign that has come back does not go and come
    select
        m.campaign_id,
        m.measure,
        max(m.measured_value) as measured_value

    from measures as m
    inner join known as k on m.campaign_id = k.campaign_id and m.as_of_date > k.known_date
    group by m.campaign_id, m.measure

),

compared as (

    select
        s.campaign_id,
        s.measure,
        s.measured_value,
        b.measured_value as known_value

    from since as s
    left join before as b on s.campaign_id = b.campaign_id and s.measure = b.measure

),

changes as (

    select
        campaign_id,
        1 as place,
        'accounts rose from ' || {{ number_text('known_value') }} || ' to ' || {{ number_text('measured_value') }} as change

    from compared
    where measure = 'accounts' and measured_value >= known_value * (1 + {{ var('return_account_growth') }})
    union all
    select
        campaign_id,
        2 as place,
        'exchanges per day rose from ' || {{ number_text('known_value') }} || ' to ' || {{ number_text('measured_value') }} as change

    from compared
    where measure = 'exchanges_per_day' and known_value > 0
        and measured_value >= known_value * {{ var('return_exchange_ratio') }}
    union all
    select
        campaign_id,
        3 as place,
        'behaviour became strong: ' || substr(measure, length('strong_') + 1) as change

    from compared
    where measure like 'strong!_%' escape '!' and known_value is null

)

select
    campaign_id,
    {{ join_texts('change', 'place') }} as returned_reason

from changes
group by campaign_id
