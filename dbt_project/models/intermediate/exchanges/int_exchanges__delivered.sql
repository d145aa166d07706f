with

exchanges as (

    select * from {{ ref('stg_exchanges') }}
    where dt = {{ run_date() }}

),

releases as (

    select
        model,
        min(released_at) as released_at

    from {{ ref('stg_model_releases') }}
    where is_public
    group by model

),

latest_release as (

    -- Releases are days apart: the newest one within a day before the exchange is the one to migrate to.
    select
        e.exchange_key,
        max(r.released_at) as released_at

    from exchanges as e
    inner join releases as r
        on e.event_at >= r.released_at and e.event_at < r.released_at + interval '24' hour
    group by e.exchange_key

),

released_models as (

    select
        l.exchange_key,
        r.model

    from latest_release as l
    inner join releases as r on l.released_at = r.released_at

),

marked as (

    -- One row per exchange: released_models holds at most one model per release instant and exchange key
    -- pair that equals the exchange's own model, so the join does not multiply rows.
    select
        e.*,
        l.exchange_key is not null as is_in_release_window,
        m.model is not null as is_on_released_model

    from exchanges as e
    left join latest_release as l on e.exchange_key = l.exchange_key
    left join released_models as m on e.exchange_key = m.exchange_key and e.model = m.model

)

select * from marked
