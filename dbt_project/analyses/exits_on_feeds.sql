-- Question: How much of each campaign's use comes through addresses or domains that a feed names?
-- Reader: network and threat-intelligence analysts.
-- How to read it: one row per campaign, feed and label. Many honest people use a VPN: this is context,
-- never proof, and addresses never connect accounts. What a feed named only later is left out: see
-- retro_hunts. Mind each feed's permitted use before you share.
select
    b.campaign_id,
    m.feed_id,
    m.label,
    f.permitted_use,
    f.marking,
    count(distinct m.account_key) as account_count,
    sum(m.exchange_count) as exchange_count

from marts.fct_indicator_matches as m
inner join marts.bridge_campaign_accounts as b on m.account_key = b.account_key
left join marts.rpt_feeds as f on m.feed_id = f.feed_id
where m.match_kind = 'live'
group by b.campaign_id, m.feed_id, m.label, f.permitted_use, f.marking
order by b.campaign_id, exchange_count desc, m.feed_id, m.label
