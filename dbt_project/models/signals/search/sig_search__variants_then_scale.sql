with

windows as (

    select * from {{ ref('int_account_windows') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

identifier_days as (

    select * from {{ ref('int_identifier_days') }}
    where identifier_type = 'prefix_fp_8'
        and delivered_date <= {{ run_date() }} and {{ in_evidence_window('activity_date') }}

),

used as (

    select
        account_key,
        identifier_value,
        min(activity_date) as first_date,
        sum(exchange_count) as exchange_count

    from identifier_days
    group by account_key, identifier_value

),

placed as (

    -- of what an older account used before the window nothing is known: a week of it must have gone by
    select
        u.*,
        case
            when a.first_seen_at > {{ run_date() }} - interval '{{ var("evidence_window_days") | int }}' day
                then u.first_date > min(u.first_date) over (partition by u.account_key)
            else u.first_date > {{ run_date() }} - interval '{{ (var("evidence_window_days") | int) - 7 }}' day
        end as is_taken_up

    from used as u
    inner join accounts as a on u.account_key = a.account_key

),

summed as (

    -- a wording that the account brought along on its first day is no winner of a search
    select
        account_key,
        sum(case when exchange_count = 1 then 1 else 0 end) as trial_count,
        sum(case when exchange_count >= {{ var('minimum_exposure_count') | int }} and is_taken_up then exchange_count else 0 end) as scaled_count,
        sum(exchange_count) as template_count

    from placed
    group by account_key

),

joined as (

    select
        s.*,
        w.volume_band

    from summed as s
    inner join windows as w on s.account_key = w.account_key

)

{{ signal_rows('joined', 'search__variants_then_scale', 'search',
    "round(least(trial_count, scaled_count) * 2.0 / template_count, 4)",
    'template_count') }}
