with

windows as (

    select * from {{ ref('int_account_windows') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

joined as (

    select
        windows.*,
        accounts.platform

    from windows
    inner join accounts on windows.account_key = accounts.account_key

),

refusing_platforms as (

    -- where no exchange of a platform is marked as refused, its logs do not tell refusals
    select platform
    from joined
    group by platform
    having sum(refused_count) > 0

),

comparable as (

    -- the lower end counts, so that chance among few refusals says nothing; who is hardly ever refused has no use for it
    select
        joined.*,
        case
            when joined.after_refusal_count >= {{ var('minimum_exposure_count') | int }}
                then greatest(
                    0,
                    joined.after_refusal_switch_count * 1.0 / joined.after_refusal_count
                    - coalesce(joined.after_answer_switch_count * 1.0 / nullif(joined.after_answer_count, 0), 0)
                    - 1 / sqrt(joined.after_refusal_count)
                )
            else 0
        end as added_switch_ratio

    from joined
    inner join refusing_platforms on joined.platform = refusing_platforms.platform

)

{{ signal_rows('comparable', 'arbitrage__another_model_after_refusal', 'arbitrage',
    "round(added_switch_ratio, 4)",
    'exchange_count') }}
