with

client_days as (

    select * from {{ ref('int_client_days') }}
    where delivered_date <= {{ run_date() }} and {{ in_evidence_window('activity_date') }}

),

windows as (

    select * from {{ ref('int_account_windows') }}

),

reference as (

    select * from {{ ref('int_reference_accounts') }}

),

used as (

    select
        account_key,
        user_agent_family,
        ja4,
        sum(exchange_count) as exchange_count

    from client_days
    group by account_key, user_agent_family, ja4

),

of_pairs as (

    select
        u.ja4,
        u.user_agent_family,
        count(*) as holder_count

    from used as u
    inner join reference as r on u.account_key = r.account_key
    group by u.ja4, u.user_agent_family

),

of_handshakes as (

    select
        ja4,
        sum(holder_count) as holder_count

    from of_pairs
    group by ja4

),

compared as (

    -- A handshake that nobody established uses is new, no disguise: only one that belongs to another client is.
    select
        u.account_key,
        sum(u.exchange_count) as client_known_count,
        sum(
            case
                when coalesce(p.holder_count, 0) <= {{ var('client_pair_ratio_maximum') }} * h.holder_count
                    then u.exchange_count
                else 0
            end
        ) as mismatch_count

    from used as u
    inner join of_handshakes as h on u.ja4 = h.ja4
    left join of_pairs as p on u.ja4 = p.ja4 and u.user_agent_family = p.user_agent_family
    where h.holder_count >= {{ var('client_holders_minimum') | int }}
    group by u.account_key

),

joined as (

    select
        c.*,
        w.volume_band

    from compared as c
    inner join windows as w on c.account_key = w.account_key

)

{{ signal_rows('joined', 'identity__client_mismatch', 'identity',
    "round(mismatch_count * 1.0 / client_known_count, 4)",
    'client_known_count') }}
