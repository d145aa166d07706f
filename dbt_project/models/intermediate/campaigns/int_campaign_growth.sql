{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date') }}

{%- set factors = var('campaign_growth_factors') %}

with

measures as (

    select * from {{ ref('int_campaign_measures') }}
    where measure = 'day_exchanges'

),

earlier as (

    {% if is_incremental() -%}
    select
        campaign_id,
        growth_bits

    from {{ this }}
    where as_of_date = (select max(as_of_date) from {{ this }} where as_of_date < {{ run_date() }})
    {%- else -%}
    select
        campaign_id,
        cast(null as double) as growth_bits

    from measures
    where 1 = 0
    {%- endif %}

),

today as (

    select
        campaign_id,
        measured_value as day_exchange_count

    from measures
    where as_of_date = {{ run_date() }}

),

recent_means as (

    select
        campaign_id,
        count(*) as day_count,
        cast(sum(cast(measured_value as decimal(18, 2))) as double) / count(*) as mean_count

    from measures
    where as_of_date < {{ run_date() }}
        and as_of_date >= {{ run_date() }} - interval '{{ var("campaign_growth_trailing_days") | int }}' day
    group by campaign_id

),

bounded as (

    -- the most that the day's mean may be if the campaign has not grown; null while there are too few days
    select
        t.campaign_id,
        t.day_exchange_count,
        case
            when r.day_count >= {{ var('campaign_growth_days_minimum') | int }}
                then greatest({{ var('campaign_growth_mean_minimum') }}, r.mean_count * (1 + {{ var('campaign_growth_allowance') }}))
        end as bound_count

    from today as t
    left join recent_means as r on t.campaign_id = r.campaign_id

),

scaled as (

    -- a day's count spreads more widely than a Poisson count: it is judged as if it were fewer exchanges
    select
        *,
        1.0 + bound_count * {{ var('campaign_growth_spread') }} * {{ var('campaign_growth_spread') }} as dispersion

    from bounded

),

betted as (

    -- a mixture of bets on growth by a factor g, each g^count * exp(-(g - 1) * bound) in scaled counts
    select
        *,
        case
            when bound_count is not null
                then least({{ var('campaign_growth_day_bits_cap') }}, {{ log2_of(
                    "(" ~ growth_bet_sum(factors, 'day_exchange_count / dispersion', 'bound_count / dispersion')
                    ~ ") / " ~ (factors | length)
                ) }})
        end as day_bits

    from scaled

),

carried as (

    -- it starts anew after it has spoken
    select
        b.*,
        case
            when e.growth_bits is null or {{ has_grown('e.growth_bits') }} then 0.0
            else power(2.0, cast(e.growth_bits as double))
        end as carried_value

    from betted as b
    left join earlier as e on b.campaign_id = e.campaign_id

)

-- Shiryaev-Roberts: the value of a day is its e-value times one more than the value of the day before
select
    {{ run_date() }} as as_of_date,
    campaign_id,
    day_exchange_count,
    {{ as_ratio('bound_count') }} as bound_count,
    {{ as_bits('day_bits') }} as day_bits,
    {{ as_bits("case when day_bits is not null then least(60.0, day_bits + " ~ log2_of("1.0 + carried_value") ~ ") end") }} as growth_bits

from carried
