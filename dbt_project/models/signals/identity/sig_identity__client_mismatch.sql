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
        u.ja4,
        count(distinct u.account_key) as holder_count

    from used as u
    inner join reference as r on u.account_key = r.account_key
    group by u.ja4

),

compared_pairs as (

    -- an established account is compared with the others, as a new one is
    select
        u.account_key,
        u.exchange_count,
        coalesce(p.holder_count, 0) - case when r.account_key is not null then 1 else 0 end as pair_holder_count,
        h.holder_count - case when r.account_key is not null then 1 else 0 end as holder_count

    from used as u
    inner join of_handshakes as h on u.ja4 = h.ja4
    left join of_pairs as p on u.ja4 = p.ja4 and u.user_agent_family = p.user_agent_family
    left join reference as r on u.account_key = r.account_key

),

compared as (

    -- A handshake that nobody established uses is new, no disguise: only one that belongs to another client is.
    select
        account_key,
        sum(exchange_count) as client_known_count,
        sum(
            case
                when pair_holder_count <= {{ var('client_pair_ratio_maximum') }} * holder_count then exchange_count
                else 0
            end
        ) as mismatch_count

    from compared_pairs
    where holder_count >= {{ var('client_holders_minimum') | int }}
    group by account_key

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
