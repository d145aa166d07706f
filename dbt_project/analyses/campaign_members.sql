-- Question: Which accounts belong to a campaign, how surely, and which of them are still open?
-- Reader: the enforcement team, before it acts on accounts.
-- How to read it: one row per campaign and account. `core` accounts carry the campaign, `camouflage`
-- accounts mostly do something else. A low `membership_probability` asks for a look at the account
-- itself (example account_history) before anything is done to it.
select
    b.campaign_id,
    b.account_key,
    a.platform,
    a.account_id,
    b.role,
    b.membership_probability,
    a.status as account_status,
    b.first_seen_at,
    b.last_seen_at,
    a.signup_path,
    a.payment_type,
    a.is_allowlisted

from marts.bridge_campaign_accounts as b
inner join marts.dim_accounts as a on b.account_key = a.account_key
order by b.campaign_id, b.membership_probability desc, b.account_key
